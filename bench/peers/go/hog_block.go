// SPDX-License-Identifier: MIT

//go:build cgo

package main

// #include <unistd.h>
import "C"

func hogBlock() {
	hog(func() { C.usleep(C.useconds_t(hogTime.Microseconds())) })
}

func init() { rows["hog-block"] = hogBlock }
