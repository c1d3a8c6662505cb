// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const parforGrain = 16384 // some 10 µs: cores that ask for the next piece seldom meet

// mix is the small body: the finaliser of MurmurHash3.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}

// parallelSum is the loop that Go programs write for bodies of unequal length: a task a processor,
// each taking the next piece from a counter.
func parallelSum(n int, body func(from, to int) uint64) uint64 {
	var next atomic.Int64
	var sum atomic.Uint64
	var wg sync.WaitGroup
	for p := runtime.GOMAXPROCS(0); p > 0; p-- {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s := uint64(0)
			for {
				to := int(next.Add(parforGrain))
				from := to - parforGrain
				if from >= n {
					break
				}
				if to > n {
					to = n
				}
				s += body(from, to)
			}
			sum.Add(s)
		}()
	}
	wg.Wait()
	return sum.Load()
}

func sumOf(from, to int) uint64 {
	s := uint64(0)
	for i := from; i < to; i++ {
		s += mix(uint64(i))
	}
	return s
}

func parfor() {
	n := size(10_000_000)
	start := time.Now()
	sum := parallelSum(n, sumOf)
	reportPer(start, n, "ns/body")
	if sum != sumOf(0, n) {
		log.Fatal("bodies lost")
	}
}
