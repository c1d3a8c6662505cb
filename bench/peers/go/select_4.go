// SPDX-License-Identifier: MIT

package main

import "time"

func select4() {
	n := size(2_000_000)
	var c [4]chan int
	for i := range c {
		c[i] = make(chan int)
	}
	go func() {
		for i := 0; i < n; i++ {
			c[i&3] <- i
		}
	}()
	start := time.Now()
	for i := 0; i < n; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
	reportPer(start, n, "ns/select")
}
