// SPDX-License-Identifier: MIT

package main

import "time"

func parkedStart() {
	n := size(1_000_000)
	start := time.Now()
	park(n, make(chan struct{}))
	reportPer(start, n, "ns/task")
}
