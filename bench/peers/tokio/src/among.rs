// SPDX-License-Identifier: MIT

//! tasks N: what a task costs among N, for bench/curves; see bench/tasks.c.

use crate::{tasks::memory, Bench};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, Notify, Semaphore};
use tokio::task::JoinSet;

const ENOUGH: usize = 200_000;

/// Starts n tasks, and ends them once all are there; answers what one holds.
async fn live(n: usize, look: bool) -> f64 {
    let before = if look { memory() } else { 0.0 };
    let gate = Arc::new(Semaphore::new(0));
    let there = Arc::new((std::sync::atomic::AtomicUsize::new(n), Notify::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..n {
        let (gate, there) = (gate.clone(), there.clone());
        tasks.spawn(async move {
            if there.0.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1 {
                there.1.notify_one();
            }
            let _ = gate.acquire().await; // an error: closed
        });
    }
    there.1.notified().await;
    let held = if look { (memory() - before) / n as f64 } else { 0.0 };
    gate.close();
    while tasks.join_next().await.is_some() {}
    held
}

async fn trip(n: usize) -> Instant {
    let (out, mut back) = mpsc::channel(1);
    let mut to = Vec::with_capacity(n);
    for _ in 0..n {
        let (into, mut from) = mpsc::channel::<u32>(1);
        let out = out.clone();
        tokio::spawn(async move {
            while let Some(v) = from.recv().await {
                out.send(v).await.unwrap();
            }
        });
        to.push(into);
    }
    for into in &to {
        into.send(1).await.unwrap(); // all have started
        back.recv().await.unwrap();
    }
    let mut r = 1u32;
    let start = Instant::now();
    for _ in 0..ENOUGH {
        r ^= r << 13;
        r ^= r >> 17;
        r ^= r << 5;
        to[r as usize % n].send(r).await.unwrap();
        assert_eq!(back.recv().await, Some(r));
    }
    start
}

pub async fn among(bench: Bench, n: usize) {
    let lots = (ENOUGH / n).max(1);
    let named = |row: &str| Bench { row: row.to_owned(), ..bench };
    if n >= 1000 {
        named("tasks-memory").report(live(n, true).await, "B/task");
    }
    let start = Instant::now();
    for _ in 0..lots {
        live(n, false).await;
    }
    named("tasks-life").report_per(start, n * lots, "ns/task");
    let start = trip(n).await;
    named("tasks-trip").report_per(start, ENOUGH, "ns/round-trip");
}
