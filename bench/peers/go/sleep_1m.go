// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

func sleep1M() {
	n := size(1_000_000)
	var wg sync.WaitGroup
	start := time.Now()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() {
			time.Sleep(time.Second)
			wg.Done()
		}()
	}
	wg.Wait()
	report(time.Since(start).Seconds(), "s")
}
