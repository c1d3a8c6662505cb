// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

// memory is what the process holds, page tables included, in bytes.
func memory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	sum := 0
	for _, line := range strings.Split(string(status), "\n") {
		var kb int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			sum += kb
		}
		if _, err := fmt.Sscanf(line, "VmPTE: %d kB", &kb); err == nil {
			sum += kb
		}
	}
	return sum * 1024
}

func parkedMemory() {
	n := size(1_000_000)
	before := memory()
	park(n, make(chan struct{}))
	time.Sleep(100 * time.Millisecond) // the last few reach the channel
	report(float64(memory()-before)/float64(n), "B/task")
}
