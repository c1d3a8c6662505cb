// SPDX-License-Identifier: MIT

use crate::Bench;
use std::time::Instant;
use tokio::sync::mpsc;

pub async fn pingpong(bench: Bench) {
    let n = bench.size(2_000_000);
    let (ping, mut from_ping) = mpsc::channel(1);
    let (pong, mut from_pong) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(v) = from_ping.recv().await {
            pong.send(v).await.unwrap();
        }
    });
    let start = Instant::now();
    for i in 0..n {
        ping.send(i).await.unwrap();
        from_pong.recv().await.unwrap();
    }
    bench.report_per(start, n, "ns/round-trip");
}

pub async fn buffered(bench: Bench) {
    let n = bench.size(10_000_000);
    let (items, mut received) = mpsc::channel(128);
    let start = Instant::now();
    tokio::spawn(async move {
        for i in 0..n {
            items.send(i).await.unwrap();
        }
    });
    let mut sum = 0;
    while let Some(v) = received.recv().await {
        sum += v;
    }
    bench.report_per(start, n, "ns/item");
    assert_eq!(sum, n * (n - 1) / 2);
}

pub async fn mpmc(bench: Bench) {
    let n = bench.size(1_000_000);
    let (items, received) = async_channel::bounded(128);
    let start = Instant::now();
    for _ in 0..8 {
        let items = items.clone();
        tokio::spawn(async move {
            for i in 0..n {
                items.send(i).await.unwrap();
            }
        });
    }
    drop(items);
    let mut receivers = Vec::new();
    for _ in 0..8 {
        let received = received.clone();
        receivers.push(tokio::spawn(async move {
            let mut k = 0;
            while received.recv().await.is_ok() {
                k += 1;
            }
            k
        }));
    }
    let mut got = 0;
    for r in receivers {
        got += r.await.unwrap();
    }
    bench.report_per(start, 8 * n, "ns/item");
    assert_eq!(got, 8 * n);
}

pub async fn select_4(bench: Bench) {
    let n = bench.size(2_000_000);
    let (s0, mut r0) = mpsc::channel(1);
    let (s1, mut r1) = mpsc::channel(1);
    let (s2, mut r2) = mpsc::channel(1);
    let (s3, mut r3) = mpsc::channel(1);
    tokio::spawn(async move {
        let senders = [s0, s1, s2, s3];
        for i in 0..n {
            senders[i & 3].send(i).await.unwrap();
        }
        std::future::pending::<()>().await; // keeps the channels open
    });
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..n {
        sum += tokio::select! {
            v = r0.recv() => v,
            v = r1.recv() => v,
            v = r2.recv() => v,
            v = r3.recv() => v,
        }
        .unwrap();
    }
    bench.report_per(start, n, "ns/select");
    assert_eq!(sum, n * (n - 1) / 2);
}

pub async fn ring(bench: Bench) {
    const TASKS: usize = 10_000;
    let laps = bench.size(5_000_000) / TASKS;
    let (first, mut last) = mpsc::channel(1);
    for _ in 0..TASKS - 1 {
        let (out, next) = mpsc::channel(1);
        let mut from = std::mem::replace(&mut last, next);
        tokio::spawn(async move {
            while let Some(v) = from.recv().await {
                out.send(v).await.unwrap();
            }
        });
    }
    first.send(0).await.unwrap(); // one lap first: all tasks have started
    last.recv().await.unwrap();
    let start = Instant::now();
    for i in 0..laps {
        first.send(i).await.unwrap();
        last.recv().await.unwrap();
    }
    bench.report_per(start, laps * TASKS, "ns/hop");
}

pub async fn sieve(bench: Bench) {
    let (n, want) = if bench.quick { (100, 541) } else { (2000, 17389) };
    let start = Instant::now();
    let (first, mut last) = mpsc::channel(1);
    tokio::spawn(async move {
        for v in 2u32.. {
            if first.send(v).await.is_err() {
                return;
            }
        }
    });
    let mut prime = 0;
    for _ in 0..n {
        prime = last.recv().await.unwrap();
        let (out, next) = mpsc::channel(1);
        let mut from = std::mem::replace(&mut last, next);
        tokio::spawn(async move {
            while let Some(v) = from.recv().await {
                if v % prime != 0 && out.send(v).await.is_err() {
                    return;
                }
            }
        });
    }
    bench.report(start.elapsed().as_secs_f64(), "s");
    assert_eq!(prime, want);
}
