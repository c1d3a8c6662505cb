// SPDX-License-Identifier: MIT

package main

import "time"

func hogSpin() {
	hog(func() {
		for start := time.Now(); time.Since(start) < hogTime; {
		}
	})
}
