// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"os"
	"strconv"
	"sync"
	"time"
)

const enoughTasks = 200_000

// live starts n tasks, and ends them once all are there; it returns what one holds.
func live(n int, look bool) float64 {
	var there, gone sync.WaitGroup
	gate := make(chan struct{})
	before, held := 0, 0.0
	if look {
		before = memory()
	}
	there.Add(n)
	gone.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			there.Done()
			<-gate
			gone.Done()
		}()
	}
	there.Wait()
	if look {
		held = float64(memory()-before) / float64(n)
	}
	close(gate)
	gone.Wait()
	return held
}

func life(n int) {
	row = "tasks-memory"
	if n >= 1000 {
		report(live(n, true), "B/task")
	}
	row = "tasks-life"
	lots := 1
	if n < enoughTasks {
		lots = enoughTasks / n
	}
	start := time.Now()
	for i := 0; i < lots; i++ {
		live(n, false)
	}
	reportPer(start, n*lots, "ns/task")
}

func trip(n int) {
	row = "tasks-trip"
	to, back := make([]chan uint32, n), make(chan uint32)
	for i := range to {
		in := make(chan uint32)
		to[i] = in
		go func() {
			for v := range in {
				back <- v
			}
		}()
	}
	for i := range to { // all have started
		to[i] <- 1
		<-back
	}
	r := uint32(1)
	start := time.Now()
	for i := 0; i < enoughTasks; i++ {
		r ^= r << 13
		r ^= r >> 17
		r ^= r << 5
		to[r%uint32(n)] <- r
		if <-back != r {
			log.Fatal("a value is lost")
		}
	}
	reportPer(start, enoughTasks, "ns/round-trip")
}

// tasks N: what a task costs among N, for bench/curves; see bench/tasks.c.
func tasks() {
	n, err := strconv.Atoi(os.Args[len(os.Args)-1])
	if err != nil || n < 1 {
		log.Fatal("usage: gobench tasks N")
	}
	life(n)
	trip(n)
}
