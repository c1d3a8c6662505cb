// SPDX-License-Identifier: MIT

use crate::Bench;
use std::future::poll_fn;
use std::future::Future;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;
use tokio::task::JoinSet;
use tokio::time::sleep;

const LIVE: u64 = 100_000;

/// With 100,000 timers live, one is armed and stopped, over and over.
pub async fn churn(bench: Bench) {
    for i in 0..LIVE {
        tokio::spawn(sleep(Duration::from_secs(3600) + Duration::from_millis(i * 36)));
    }
    sleep(Duration::from_millis(200)).await; // all are armed
    let each = bench.size(5_000_000) / bench.procs;
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for p in 1..=bench.procs as u32 {
        tasks.spawn(async move {
            let mut r = p;
            for i in 0..each {
                r ^= r << 13;
                r ^= r >> 17;
                r ^= r << 5;
                let mut timer =
                    std::pin::pin!(sleep(Duration::from_secs(3600) + Duration::from_millis((r % 3_600_000) as u64)));
                poll_fn(|cx| {
                    let _ = timer.as_mut().poll(cx); // the first poll arms it, the end of scope stops it
                    Poll::Ready(())
                })
                .await;
                if i % 64 == 63 {
                    tokio::task::yield_now().await; // gives back the budget that polls use up
                }
            }
        });
    }
    tasks.join_all().await;
    bench.report_per(start, each * bench.procs, "ns/arm+stop");
}

pub async fn sleep_1m(bench: Bench) {
    let n = bench.size(1_000_000);
    let mut tasks = Vec::with_capacity(n);
    let start = Instant::now();
    for _ in 0..n {
        tasks.push(tokio::spawn(sleep(Duration::from_secs(1))));
    }
    for t in tasks {
        t.await.unwrap();
    }
    bench.report(start.elapsed().as_secs_f64(), "s");
}
