// SPDX-License-Identifier: MIT

package main

import "sync/atomic"

// park starts n tasks that wait on a channel and returns once all of them run up to it.
func park(n int, c <-chan struct{}) {
	var started atomic.Int64
	all := make(chan struct{})
	for i := 0; i < n; i++ {
		go func() {
			if started.Add(1) == int64(n) {
				close(all)
			}
			<-c
		}()
	}
	<-all
}
