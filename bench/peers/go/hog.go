// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const hogTime = 40 * time.Millisecond

// hog reports how late 1 ms timers are while tasks hold every processor for 40 ms: the worst
// lateness after each of 20 starts, of which bench/run takes the 99th percentile over all rounds.
func hog(stuck func()) {
	starts := size(20)
	var worst atomic.Int64
	go func() {
		for {
			t := time.Now()
			time.Sleep(time.Millisecond)
			late := int64(time.Since(t) - time.Millisecond)
			if late > worst.Load() { // the only writer but for the reset between starts
				worst.Store(late)
			}
		}
	}()
	seen := make([]float64, 0, starts)
	for i := 0; i < starts; i++ {
		time.Sleep(5 * time.Millisecond)
		worst.Store(0)
		var wg sync.WaitGroup
		for p := runtime.GOMAXPROCS(0); p > 0; p-- {
			wg.Add(1)
			go func() {
				defer wg.Done()
				stuck()
			}()
		}
		wg.Wait()
		time.Sleep(5 * time.Millisecond) // the timer that the hog made late has fired
		seen = append(seen, float64(worst.Load())/1e6)
	}
	for _, late := range seen {
		report(late, "ms")
	}
}
