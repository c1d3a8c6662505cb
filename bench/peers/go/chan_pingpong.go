// SPDX-License-Identifier: MIT

package main

import "time"

func chanPingpong() {
	n := size(2_000_000)
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	start := time.Now()
	for i := 0; i < n; i++ {
		ping <- i
		<-pong
	}
	reportPer(start, n, "ns/round-trip")
}
