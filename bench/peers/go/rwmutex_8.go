// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"sync"
	"time"
)

func rwmutex8() {
	n := size(2_500_000)
	var mu sync.RWMutex
	var wg sync.WaitGroup
	count, negative := 0, false
	start := time.Now()
	for t := 0; t < 8; t++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			bad := false
			for i := 0; i < n; i++ {
				if i%100 == 99 {
					mu.Lock()
					count++
					mu.Unlock()
				} else {
					mu.RLock()
					bad = bad || count < 0
					mu.RUnlock()
				}
			}
			mu.Lock()
			negative = negative || bad
			mu.Unlock()
		}()
	}
	wg.Wait()
	reportPer(start, 8*n, "ns/lock")
	if count != 8*(n/100) || negative {
		log.Fatal("counts lost")
	}
}
