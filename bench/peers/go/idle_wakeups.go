// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"time"
)

// idleWakeups has nothing to do until bench/run, which counts from outside, kills it.
func idleWakeups() {
	park(100, make(chan struct{}))
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
