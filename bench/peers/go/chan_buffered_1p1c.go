// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"time"
)

func chanBuffered() {
	n := size(10_000_000)
	c := make(chan int, 128)
	start := time.Now()
	go func() {
		for i := 0; i < n; i++ {
			c <- i
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	reportPer(start, n, "ns/item")
	if sum != n*(n-1)/2 {
		log.Fatal("items lost")
	}
}
