// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

const liveTimers = 100_000

// timerChurn: with 100,000 timers live, as many tasks as processors each arm one among them and
// stop it, over and over: a deadline that is set for a call and not reached.
func timerChurn() {
	procs := runtime.GOMAXPROCS(0)
	n := size(5_000_000) / procs
	live := make([]*time.Timer, liveTimers)
	for i := range live {
		live[i] = time.AfterFunc(time.Hour+time.Duration(i)*36*time.Millisecond, func() {})
	}
	var wg sync.WaitGroup
	start := time.Now()
	for p := 1; p <= procs; p++ {
		wg.Add(1)
		go func(r uint32) {
			defer wg.Done()
			t := time.AfterFunc(time.Hour, func() {})
			for i := 0; i < n; i++ {
				r ^= r << 13
				r ^= r >> 17
				r ^= r << 5
				t.Reset(time.Hour + time.Duration(r%3_600_000)*time.Millisecond)
				t.Stop()
			}
		}(uint32(p))
	}
	wg.Wait()
	reportPer(start, n*procs, "ns/arm+stop")
	runtime.KeepAlive(live)
}
