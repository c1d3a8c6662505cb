// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"time"
)

// skynet sends the sum of the leaves below it; a leaf is its own number.
func skynet(up chan<- int, num, leaves int) {
	if leaves == 1 {
		up <- num
		return
	}
	c := make(chan int)
	for i := 0; i < 10; i++ {
		go skynet(c, num+i*leaves/10, leaves/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-c
	}
	up <- sum
}

func skynet1M() {
	n := size(1_000_000)
	c := make(chan int)
	start := time.Now()
	go skynet(c, 0, n)
	sum := <-c
	reportPer(start, 1_000_000, "ms")
	if sum != n*(n-1)/2 {
		log.Fatal("leaves lost")
	}
}
