// SPDX-License-Identifier: MIT

// Command gobench runs one row of the benchmark table as a Go programmer would write it:
//
//	gobench rows
//	gobench ROW [--quick | --part=N]
//	gobench serve ADDR FOLDER
//	gobench echo ADDR
//
// It prints "go ROW PROCS VALUE UNIT", tab-separated. The sources keep to the language of Go 1.19,
// so that the Go of an older distribution can build them; bench/run raises the version in go.mod to
// that of the compiler it finds, so that a new Go runs with its own defaults.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

var rows = map[string]func(){
	"yield":              yield,
	"chan-pingpong":      chanPingpong,
	"chan-buffered-1p1c": chanBuffered,
	"chan-mpmc-8x8":      chanMPMC,
	"select-4":           select4,
	"spawn-join":         spawnJoin,
	"spawn-wait-one":     spawnWaitOne,
	"skynet-1M":          skynet1M,
	"ring-10k":           ring,
	"sieve-2000":         sieve,
	"mutex-8":            mutex8,
	"rwmutex-8":          rwmutex8,
	"timer-churn":        timerChurn,
	"sleep-1M":           sleep1M,
	"parked-1M-memory":   parkedMemory,
	"parked-1M-start":    parkedStart,
	"parfor":             parfor,
	"hog-spin":           hogSpin,
	"idle-wakeups":       idleWakeups,
	"tasks":              tasks,
	// hog-block is added by hog_block.go where cgo can be had. unstarted-1M-memory has no
	// counterpart: a goroutine owns its stack before it first runs.
}

var (
	row   string
	quick bool
	part  = 1
)

// size is the number of units: all that a row asks for, with --part=N an Nth of them; --quick shows
// that it works, and measures nothing.
func size(n int) int {
	return (n + part - 1) / part
}

func report(value float64, unit string) {
	fmt.Printf("go\t%s\t%d\t%.4f\t%s\n", row, runtime.GOMAXPROCS(0), value, unit)
}

func reportPer(start time.Time, n int, unit string) {
	report(float64(time.Since(start).Nanoseconds())/float64(n), unit)
}

func main() {
	args := os.Args[1:]
	if len(args) == 3 && args[0] == "serve" {
		serve(args[1], args[2])
		return
	}
	if len(args) == 2 && args[0] == "echo" {
		echo(args[1])
		return
	}
	for _, a := range args {
		if a == "rows" {
			for name := range rows {
				fmt.Println(name)
			}
			return
		}
		if a == "--quick" {
			quick, part = true, 100
		} else if strings.HasPrefix(a, "--part=") {
			part, _ = strconv.Atoi(a[len("--part="):])
		} else if row == "" {
			row = a
		}
	}
	f, ok := rows[row]
	if !ok || part < 1 {
		fmt.Fprintf(os.Stderr, "gobench: no row %q\n", row)
		os.Exit(2)
	}
	f()
}
