// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"sync"
	"time"
)

func mutex8() {
	n := size(2_500_000)
	var mu sync.Mutex
	var wg sync.WaitGroup
	count := 0
	start := time.Now()
	for t := 0; t < 8; t++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				mu.Lock()
				count++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	reportPer(start, 8*n, "ns/lock")
	if count != 8*n {
		log.Fatal("counts lost")
	}
}
