// SPDX-License-Identifier: MIT

use crate::Bench;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Notify};
use tokio::task::JoinSet;

pub async fn yield_now(bench: Bench) {
    let n = bench.size(5_000_000);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        tasks.spawn(async move {
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    bench.report_per(start, 2 * n, "ns/switch");
}

pub async fn spawn_join(bench: Bench) {
    let n = bench.size(3_000_000);
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(n);
    for _ in 0..n {
        tasks.push(tokio::spawn(async {}));
    }
    for t in tasks {
        t.await.unwrap();
    }
    bench.report_per(start, n, "ns/task");
}

pub async fn spawn_wait_one(bench: Bench) {
    let n = bench.size(2_000_000);
    let start = Instant::now();
    for _ in 0..n {
        tokio::spawn(async {}).await.unwrap();
    }
    bench.report_per(start, n, "ns/task");
}

fn skynet(up: mpsc::Sender<usize>, num: usize, leaves: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            up.send(num).await.unwrap();
            return;
        }
        let (c, mut below) = mpsc::channel(10);
        for i in 0..10 {
            tokio::spawn(skynet(c.clone(), num + i * leaves / 10, leaves / 10));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += below.recv().await.unwrap();
        }
        up.send(sum).await.unwrap();
    })
}

pub async fn skynet_1m(bench: Bench) {
    let n = bench.size(1_000_000);
    let (c, mut top) = mpsc::channel(1);
    let start = Instant::now();
    tokio::spawn(skynet(c, 0, n));
    let sum = top.recv().await.unwrap();
    bench.report_per(start, 1_000_000, "ms");
    assert_eq!(sum, n * (n - 1) / 2);
}

/// Starts n tasks that wait for ever and returns once all of them run up to it.
async fn park(n: usize) {
    let started = Arc::new(AtomicUsize::new(0));
    let all = Arc::new(Notify::new());
    let never = Arc::new(Notify::new());
    for _ in 0..n {
        let (started, all, never) = (started.clone(), all.clone(), never.clone());
        tokio::spawn(async move {
            if started.fetch_add(1, Ordering::AcqRel) + 1 == n {
                all.notify_one();
            }
            never.notified().await;
        });
    }
    all.notified().await;
}

/// What the process holds, page tables included, in bytes.
pub fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut sum = 0;
    for line in status.lines() {
        if let Some(kb) = line.strip_prefix("VmRSS:").or(line.strip_prefix("VmPTE:")) {
            sum += kb.trim().trim_end_matches(" kB").parse::<usize>().unwrap();
        }
    }
    sum as f64 * 1024.0
}

pub async fn parked_memory(bench: Bench) {
    let n = bench.size(1_000_000);
    let before = memory();
    park(n).await;
    tokio::time::sleep(Duration::from_millis(100)).await; // the last few begin to wait
    bench.report((memory() - before) / n as f64, "B/task");
}

/// None of them runs before this task waits: bench/run asks for it at one processor only.
pub async fn unstarted_memory(bench: Bench) {
    let n = bench.size(1_000_000);
    let before = memory();
    for _ in 0..n {
        tokio::spawn(async {});
    }
    bench.report((memory() - before) / n as f64, "B/task");
}

pub async fn parked_start(bench: Bench) {
    let n = bench.size(1_000_000);
    let start = Instant::now();
    park(n).await;
    bench.report_per(start, n, "ns/task");
}

/// Nothing to do, until bench/run, which counts from outside, ends it.
pub async fn idle() {
    park(100).await;
    println!("ready");
    tokio::time::sleep(Duration::from_secs(3600)).await;
}
