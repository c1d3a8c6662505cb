// SPDX-License-Identifier: MIT

package main

import "time"

const ringTasks = 10_000

func ring() {
	hops := size(5_000_000)
	laps := hops / ringTasks
	first := make(chan int)
	last := first
	for i := 0; i < ringTasks-1; i++ {
		in, out := last, make(chan int)
		go func() {
			for v := range in {
				out <- v
			}
		}()
		last = out
	}
	first <- 0 // one lap first: all tasks have started
	<-last
	start := time.Now()
	for i := 0; i < laps; i++ {
		first <- i
		<-last
	}
	reportPer(start, laps*ringTasks, "ns/hop")
}
