package main

import (
	"runtime"
	"sync"
	"time"
)

const liveTimers = 100_000

// timerChurn: as many tasks as processors, each with its share of the timers, stop one picked at
// random and arm it again. None ever fires: so it is with deadlines.
func timerChurn() {
	n, procs := size(5_000_000), runtime.GOMAXPROCS(0)
	var ready, wg sync.WaitGroup
	begin := make(chan struct{})
	for p := 0; p < procs; p++ {
		ready.Add(1)
		wg.Add(1)
		go func(seed uint32) {
			defer wg.Done()
			mine := make([]*time.Timer, liveTimers/procs)
			for i := range mine {
				mine[i] = time.AfterFunc(time.Hour+time.Duration(i)*time.Millisecond, func() {})
			}
			ready.Done()
			<-begin
			r := seed
			for i := 0; i < n/procs; i++ {
				r ^= r << 13
				r ^= r >> 17
				r ^= r << 5
				t := mine[r%uint32(len(mine))]
				t.Stop()
				t.Reset(time.Hour + time.Duration(r%60_000)*time.Millisecond)
			}
		}(uint32(p) + 1)
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	wg.Wait()
	reportPer(start, n/procs*procs, "ns/arm+stop")
}
