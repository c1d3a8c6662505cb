// SPDX-License-Identifier: MIT

use crate::Bench;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

pub async fn mutex_8(bench: Bench) {
    let n = bench.size(2_500_000);
    let count = Arc::new(Mutex::new(0));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..8 {
        let count = count.clone();
        tasks.spawn(async move {
            for _ in 0..n {
                *count.lock().await += 1;
            }
        });
    }
    tasks.join_all().await;
    bench.report_per(start, 8 * n, "ns/lock");
    assert_eq!(*count.lock().await, 8 * n);
    std_mutex_8(bench).await;
}

/// The standard library's mutex, which holds up its thread where it has to wait: what Tokio's users take for as little as
/// this, and never across an await.
async fn std_mutex_8(bench: Bench) {
    let n = bench.size(2_500_000);
    let count = Arc::new(std::sync::Mutex::new(0));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..8 {
        let count = count.clone();
        tasks.spawn(async move {
            for _ in 0..n {
                *count.lock().unwrap() += 1;
            }
        });
    }
    tasks.join_all().await;
    Bench { system: "std-mutex", ..bench }.report_per(start, 8 * n, "ns/lock");
    assert_eq!(*count.lock().unwrap(), 8 * n);
}

pub async fn rwmutex_8(bench: Bench) {
    let n = bench.size(2_500_000);
    let count = Arc::new(RwLock::new(0i64));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..8 {
        let count = count.clone();
        tasks.spawn(async move {
            let mut bad = false;
            for i in 0..n {
                if i % 100 == 99 {
                    *count.write().await += 1;
                } else {
                    bad |= *count.read().await < 0;
                }
            }
            assert!(!bad);
        });
    }
    tasks.join_all().await;
    bench.report_per(start, 8 * n, "ns/lock");
    assert_eq!(*count.read().await, 8 * (n / 100) as i64);
}
