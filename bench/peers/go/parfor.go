// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const parforGrain = 1024

// mix is the small body: the finaliser of MurmurHash3.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}

// parallelFor is the loop that Go programs write for bodies of unequal length: a task a processor,
// each taking the next piece from a counter.
func parallelFor(n int, body func(from, to int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for p := runtime.GOMAXPROCS(0); p > 0; p-- {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				to := int(next.Add(parforGrain))
				from := to - parforGrain
				if from >= n {
					return
				}
				if to > n {
					to = n
				}
				body(from, to)
			}
		}()
	}
	wg.Wait()
}

func parfor() {
	n := size(10_000_000)
	var sum atomic.Uint64
	start := time.Now()
	parallelFor(n, func(from, to int) {
		s := uint64(0)
		for i := from; i < to; i++ {
			s += mix(uint64(i))
		}
		sum.Add(s)
	})
	reportPer(start, n, "ns/body")
	want := uint64(0)
	for i := 0; i < n; i++ {
		want += mix(uint64(i))
	}
	if sum.Load() != want {
		log.Fatal("bodies lost")
	}
}
