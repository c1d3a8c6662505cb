// SPDX-License-Identifier: MIT

// The cases of cases.c in Go: one line each, its name and its outcome. A panic is "refused".
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errFull = errors.New("full")

// try says what f came to: its answer, or "refused" where it panicked.
func try(f func() string) (answer string) {
	defer func() {
		if recover() != nil {
			answer = "refused"
		}
	}()
	return f()
}

func recv(ch chan int) string {
	if v, ok := <-ch; ok {
		return fmt.Sprint(v)
	}
	return "closed"
}

func trySend(ch chan int, v int) string {
	return try(func() string {
		select {
		case ch <- v:
			return "sent"
		default:
			return "not now"
		}
	})
}

func tryRecv(ch chan int) string {
	select {
	case v, ok := <-ch:
		if !ok {
			return "closed"
		}
		return fmt.Sprint(v)
	default:
		return "not now"
	}
}

func filled(capacity int, values ...int) chan int {
	ch := make(chan int, capacity)
	for _, v := range values {
		ch <- v
	}
	return ch
}

func closed(capacity int, values ...int) chan int {
	ch := filled(capacity, values...)
	close(ch)
	return ch
}

func words(w ...any) string {
	return strings.TrimSuffix(fmt.Sprintln(w...), "\n")
}

func ctxErr(err error) string {
	switch {
	case err == nil:
		return "goes on"
	case errors.Is(err, errFull):
		return "full"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	}
	return "?"
}

type pair struct{ a, b int }

func settle() { time.Sleep(2 * time.Millisecond) }

var cases = []struct {
	name string
	run  func() string
}{
	{"buffered values keep their order", func() string {
		ch := filled(2, 1, 2)
		return words(recv(ch), recv(ch))
	}},
	{"length and capacity", func() string {
		ch := filled(5, 1, 2)
		return words(len(ch), recv(ch), len(ch), cap(ch))
	}},
	{"length and capacity after close", func() string {
		ch := closed(3, 1, 2)
		return words(len(ch), cap(ch))
	}},
	{"a closed channel drains", func() string {
		ch := closed(3, 1, 2)
		return words(recv(ch), recv(ch), recv(ch), recv(ch))
	}},
	{"send to a closed channel", func() string {
		ch := closed(3)
		return words(try(func() string { ch <- 1; return "sent" }), len(ch))
	}},
	{"close twice", func() string {
		ch := closed(0)
		return try(func() string { close(ch); return "closed" })
	}},
	{"close nil", func() string {
		var ch chan int
		return try(func() string { close(ch); return "closed" })
	}},
	{"nil has no length", func() string {
		var ch chan int
		return words(len(ch), cap(ch))
	}},
	{"nil never goes", func() string {
		var ch chan int
		return words(trySend(ch, 1), tryRecv(ch))
	}},
	{"try a full channel", func() string {
		ch := filled(1, 1)
		return words(trySend(ch, 2), recv(ch), trySend(ch, 3), recv(ch))
	}},
	{"try an unbuffered channel alone", func() string {
		ch := make(chan int)
		return words(trySend(ch, 1), tryRecv(ch))
	}},
	{"try a closed channel", func() string {
		ch := closed(2, 7)
		return words(tryRecv(ch), tryRecv(ch), trySend(ch, 1))
	}},
	{"a value is copied when sent", func() string {
		ch := make(chan pair, 1)
		p := pair{1, 2}
		ch <- p
		p.a = 9
		q := <-ch
		return words(q.a, q.b)
	}},
	{"a waiting sender comes after the buffer", func() string {
		ch := filled(1, 1)
		go func() { ch <- 2 }()
		settle()
		return words(recv(ch), recv(ch))
	}},
	{"close wakes receivers", func() string {
		ch := make(chan int)
		answers := make(chan string, 3)
		for i := 0; i < 3; i++ {
			go func() { answers <- recv(ch) }()
		}
		settle()
		close(ch)
		return words(<-answers, <-answers, <-answers)
	}},
	{"close fails a waiting sender", func() string {
		ch := filled(1, 5)
		answer := make(chan string)
		go func() { answer <- try(func() string { ch <- 6; return "sent" }) }()
		settle()
		close(ch)
		return words(<-answer, recv(ch), recv(ch))
	}},
	{"range until closed", func() string {
		ch := make(chan int, 2)
		go func() {
			for i := 1; i <= 10; i++ {
				ch <- i
			}
			close(ch)
		}()
		sum := 0
		for v := range ch {
			sum += v
		}
		return words(sum)
	}},
	{"ping pong", func() string {
		ping, pong := make(chan int), make(chan int)
		go func() {
			for v := range ping {
				pong <- v + 1
			}
			close(pong)
		}()
		v := 0
		for ; v < 100; v = <-pong {
			ping <- v
		}
		close(ping)
		return words(v, recv(pong))
	}},
	{"prime sieve", func() string {
		ch := make(chan int)
		stop := make(chan int)
		defer close(stop)
		send := func(out chan int, v int) bool {
			select {
			case out <- v:
				return true
			case <-stop:
				return false
			}
		}
		first := ch
		go func() {
			for i := 2; send(first, i); i++ {
			}
		}()
		var primes []any
		for i := 0; i < 10; i++ {
			p := <-ch
			primes = append(primes, p)
			in, out := ch, make(chan int)
			go func() {
				for {
					select {
					case v := <-in:
						if v%p != 0 && !send(out, v) {
							return
						}
					case <-stop:
						return
					}
				}
			}()
			ch = out
		}
		return words(primes...)
	}},
	{"a channel of channels", func() string {
		requests := make(chan chan int)
		go func() { reply := <-requests; reply <- 42 }()
		mine := make(chan int)
		requests <- mine
		return recv(mine)
	}},
	{"select: default where nothing can", func() string {
		a, b := make(chan int), filled(1, 1)
		select {
		case <-a:
			return "received"
		case b <- 1:
			return "sent"
		default:
			return "default"
		}
	}},
	{"select: ready beats default", func() string {
		for i := 0; i < 100; i++ {
			select {
			case <-filled(1, 1):
			default:
				return "default"
			}
		}
		return "received"
	}},
	{"select: closed is ready", func() string {
		select {
		case _, ok := <-closed(0):
			return words("received", ok)
		case <-make(chan int):
			return "other"
		}
	}},
	{"select: send to closed", func() string {
		ch := closed(1)
		return try(func() string {
			select {
			case ch <- 1:
				return "sent"
			default:
				return "default"
			}
		})
	}},
	{"select: nil never fires", func() string {
		var ch chan int
		select {
		case <-ch:
			return "received"
		case ch <- 1:
			return "sent"
		case v := <-filled(1, 3):
			return words(v)
		}
	}},
	{"select: does not meet itself", func() string {
		ch := make(chan int)
		select {
		case <-ch:
			return "received"
		case ch <- 1:
			return "sent"
		default:
			return "default"
		}
	}},
	{"select: each of two ready ones fires", func() string {
		var n [2]int
		a, b := closed(0), closed(0)
		for i := 0; i < 1000; i++ {
			select {
			case <-a:
				n[0]++
			case <-b:
				n[1]++
			}
		}
		return words(n[0] > 200, n[1] > 200)
	}},
	{"select: each of two equal cases fires", func() string {
		var n [2]int
		a := closed(0)
		for i := 0; i < 1000; i++ {
			select {
			case <-a:
				n[0]++
			case <-a:
				n[1]++
			}
		}
		return words(n[0] > 200, n[1] > 200)
	}},
	{"select: time-out", func() string {
		select {
		case <-make(chan int):
			return "received"
		case <-time.After(2 * time.Millisecond):
			return "timed out"
		}
	}},
	{"select: two until both are closed", func() string {
		a, b := closed(3, 1, 2, 3), closed(3, 10, 20, 30)
		sum := 0
		for a != nil || b != nil {
			select {
			case v, ok := <-a:
				if sum += v; !ok {
					a = nil
				}
			case v, ok := <-b:
				if sum += v; !ok {
					b = nil
				}
			}
		}
		return words(sum)
	}},
	{"mutex: counting", func() string {
		var m sync.Mutex
		var w sync.WaitGroup
		n := 0
		for i := 0; i < 8; i++ {
			w.Add(1)
			go func() {
				defer w.Done()
				for k := 0; k < 100; k++ {
					m.Lock()
					n++
					m.Unlock()
				}
			}()
		}
		w.Wait()
		return words(n)
	}},
	{"mutex: trying", func() string {
		var m sync.Mutex
		a, b := m.TryLock(), m.TryLock()
		m.Unlock()
		return words(a, b, m.TryLock())
	}},
	{"rwmutex: trying", func() string {
		var m sync.RWMutex
		a, b, c := m.TryRLock(), m.TryRLock(), m.TryLock()
		m.RUnlock()
		m.RUnlock()
		d, e, f := m.TryLock(), m.TryRLock(), m.TryLock()
		m.Unlock()
		return words(a, b, c, d, e, f)
	}},
	{"rwmutex: a waiting writer holds off readers", func() string {
		var m sync.RWMutex
		done := make(chan int)
		m.RLock()
		go func() { m.Lock(); m.Unlock(); done <- 1 }()
		for m.TryRLock() {
			m.RUnlock()
			time.Sleep(time.Millisecond / 10)
		}
		a := m.TryRLock()
		m.RUnlock()
		recv(done)
		return words(a, m.TryRLock())
	}},
	{"condition: signals wake in order", func() string {
		var m sync.Mutex
		c := sync.NewCond(&m)
		waiting := 0
		var order []any
		woken := make(chan int)
		for i := 0; i < 4; i++ {
			i := i
			m.Lock()
			go func() {
				m.Lock()
				waiting++
				c.Wait()
				order = append(order, i)
				m.Unlock()
				woken <- 1
			}()
			for waiting <= i {
				m.Unlock()
				time.Sleep(time.Millisecond / 10)
				m.Lock()
			}
			m.Unlock()
		}
		for i := 0; i < 4; i++ {
			c.Signal()
			<-woken
		}
		return words(order...)
	}},
	{"condition: broadcast wakes all", func() string {
		var m sync.Mutex
		c := sync.NewCond(&m)
		waiting, n := 0, 0
		woken := make(chan int)
		for i := 0; i < 5; i++ {
			go func() {
				m.Lock()
				waiting++
				c.Wait()
				n++
				m.Unlock()
				woken <- 1
			}()
		}
		m.Lock()
		for waiting < 5 {
			m.Unlock()
			time.Sleep(time.Millisecond / 10)
			m.Lock()
		}
		m.Unlock()
		c.Broadcast()
		for i := 0; i < 5; i++ {
			<-woken
		}
		return words(n)
	}},
	{"once", func() string {
		var o sync.Once
		var w sync.WaitGroup
		var n atomic.Int32
		for i := 0; i < 8; i++ {
			w.Add(1)
			go func() { o.Do(func() { n.Add(1) }); w.Done() }()
		}
		w.Wait()
		o.Do(func() { n.Add(100) })
		return words(n.Load())
	}},
	{"wait group: below zero", func() string {
		var w sync.WaitGroup
		return try(func() string { w.Done(); return "done" })
	}},
	{"wait group: zero does not wait", func() string {
		var w sync.WaitGroup
		w.Add(2)
		w.Add(-2)
		w.Wait()
		return "through"
	}},
	{"context: goes on", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, has := ctx.Deadline()
		return words(ctxErr(ctx.Err()), ctxErr(context.Cause(ctx)), has)
	}},
	{"context: cancel", func() string {
		outer, cancelOuter := context.WithCancel(context.Background())
		defer cancelOuter()
		ctx, cancel := context.WithCancel(outer)
		cancel()
		return words(ctxErr(ctx.Err()), ctxErr(context.Cause(ctx)), ctxErr(outer.Err()))
	}},
	{"context: the first cause wins", func() string {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errFull)
		cancel(errors.New("later"))
		return words(ctxErr(ctx.Err()), ctxErr(context.Cause(ctx)))
	}},
	{"context: a cause goes inwards", func() string {
		outer, cancel := context.WithCancelCause(context.Background())
		inner, cancelInner := context.WithCancelCause(outer)
		cancel(errFull)
		cancelInner(errors.New("later"))
		return words(ctxErr(inner.Err()), ctxErr(context.Cause(inner)))
	}},
	{"context: deadline", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		<-ctx.Done()
		cancel()
		return words(ctxErr(ctx.Err()), ctxErr(context.Cause(ctx)))
	}},
	{"context: a deadline in the past", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), -time.Hour)
		defer cancel()
		return ctxErr(ctx.Err())
	}},
	{"context: the earlier deadline holds", func() string {
		outer, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		later, cancelLater := context.WithTimeout(outer, 2*time.Hour)
		defer cancelLater()
		earlier, cancelEarlier := context.WithTimeout(outer, time.Minute)
		defer cancelEarlier()
		o, _ := outer.Deadline()
		l, _ := later.Deadline()
		e, _ := earlier.Deadline()
		return words(l.Equal(o), e.Before(o))
	}},
	{"context: in an ended one", func() string {
		outer, cancel := context.WithCancelCause(context.Background())
		cancel(errFull)
		inner, cancelInner := context.WithTimeout(outer, time.Hour)
		defer cancelInner()
		return words(ctxErr(inner.Err()), ctxErr(context.Cause(inner)))
	}},
	{"context: values", func() string {
		type key int
		a := context.WithValue(context.Background(), key(1), "one")
		b := context.WithValue(a, key(2), "two")
		c := context.WithValue(b, key(1), "three")
		return words(a.Value(key(1)), a.Value(key(2)) == nil, b.Value(key(1)), b.Value(key(2)), c.Value(key(1)), c.Value(key(2)))
	}},
	{"context: a shield", func() string {
		type key int
		outer, cancel := context.WithTimeout(context.WithValue(context.Background(), key(1), "one"), time.Hour)
		shield := context.WithoutCancel(outer)
		cancel()
		_, has := shield.Deadline()
		return words(ctxErr(outer.Err()), ctxErr(shield.Err()), ctxErr(context.Cause(shield)), has, shield.Value(key(1)))
	}},
	{"context: after", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan int, 2)
		stopFirst := context.AfterFunc(ctx, func() { ran <- 1 })
		stopSecond := context.AfterFunc(ctx, func() { ran <- 2 })
		a, b := stopSecond(), stopSecond()
		cancel()
		return words(a, b, <-ran, stopFirst(), len(ran))
	}},
	{"context: after an ended one", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		ran := make(chan int, 1)
		stop := context.AfterFunc(ctx, func() { ran <- 1 })
		return words(<-ran, stop())
	}},
	{"sleepers wake in order", func() string {
		// Once more and longer where the order is wrong: a slow machine may not tell short ones apart.
		got := ""
		for nap := 30 * time.Millisecond; got != "1 2 3 4" && nap < time.Second; nap *= 2 {
			nap := nap
			order := make(chan int, 4)
			for _, i := range []int{3, 1, 4, 2} {
				i := i
				go func() { time.Sleep(time.Duration(i) * nap); order <- i }()
			}
			got = words(recv(order), recv(order), recv(order), recv(order))
		}
		return got
	}},
}

func main() {
	for _, c := range cases {
		fmt.Printf("%s: %s\n", c.name, c.run())
	}
}
