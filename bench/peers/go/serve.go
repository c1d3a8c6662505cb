// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"log"
	"net/http"
)

// serve answers /hello and the files of a folder: http-hello, http-4k, http-1m.
func serve(addr, folder string) {
	http.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello, World!\n")
	})
	http.Handle("/", http.FileServer(http.Dir(folder)))
	log.Fatal(http.ListenAndServe(addr, nil))
}
