// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"time"
)

func sieveFilter(in <-chan int, out chan<- int, prime int) {
	for v := range in {
		if v%prime != 0 {
			out <- v
		}
	}
}

func sieve() {
	n, want := 2000, 17389
	if quick {
		n, want = 100, 541
	}
	start := time.Now()
	c := make(chan int)
	go func(c chan<- int) {
		for v := 2; ; v++ {
			c <- v
		}
	}(c)
	prime := 0
	for i := 0; i < n; i++ {
		prime = <-c
		next := make(chan int)
		go sieveFilter(c, next, prime)
		c = next
	}
	report(time.Since(start).Seconds(), "s")
	if prime != want {
		log.Fatal("wrong prime ", prime)
	}
}
