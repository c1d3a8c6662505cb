// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

func spawnJoin() {
	n := size(3_000_000)
	var wg sync.WaitGroup
	start := time.Now()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go wg.Done()
	}
	wg.Wait()
	reportPer(start, n, "ns/task")
}
