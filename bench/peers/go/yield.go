// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

func yield() {
	n := size(5_000_000)
	var wg sync.WaitGroup
	start := time.Now()
	for t := 0; t < 2; t++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				runtime.Gosched()
			}
		}()
	}
	wg.Wait()
	reportPer(start, 2*n, "ns/switch")
}
