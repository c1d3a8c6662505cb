// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"sync"
	"sync/atomic"
	"time"
)

func chanMPMC() {
	n := size(1_000_000)
	c := make(chan int, 128)
	var senders, receivers sync.WaitGroup
	var got atomic.Int64
	start := time.Now()
	for t := 0; t < 8; t++ {
		senders.Add(1)
		receivers.Add(1)
		go func() {
			defer senders.Done()
			for i := 0; i < n; i++ {
				c <- i
			}
		}()
		go func() {
			defer receivers.Done()
			k := 0
			for range c {
				k++
			}
			got.Add(int64(k))
		}()
	}
	senders.Wait()
	close(c)
	receivers.Wait()
	reportPer(start, 8*n, "ns/item")
	if got.Load() != int64(8*n) {
		log.Fatal("items lost")
	}
}
