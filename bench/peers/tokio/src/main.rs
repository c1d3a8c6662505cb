// SPDX-License-Identifier: MIT

//! tokiobench: rows of the benchmark table as Tokio's users write them.
//!
//!     tokiobench rows
//!     tokiobench ROW [--quick | --part=N]
//!     tokiobench echo ADDRESS
//!
//! Prints "tokio ROW PROCS VALUE UNIT", tab-separated; worker threads as TOKIO_WORKER_THREADS says, as Tokio's own
//! default builder reads it, and for one the scheduler that Tokio has for one thread: it is as fast or faster. Tokio has no channel that hands over without a buffer: where the others do that, the
//! capacity is 1. The hog rows are left out: its users announce such code with spawn_blocking.

mod among;
mod channels;
mod echo;
mod locks;
mod parfor;
mod tasks;
mod timers;

use std::future::Future;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

pub struct Bench {
    system: &'static str,
    row: String,
    procs: usize,
    quick: bool,
    part: usize,
}

impl Bench {
    /// The number of units: all that the row asks for, with --part=N an Nth of them; --quick shows that it works, and
    /// measures nothing.
    pub fn size(&self, n: usize) -> usize {
        n.div_ceil(self.part)
    }

    pub fn report(&self, value: f64, unit: &str) {
        println!("{}\t{}\t{}\t{:.4}\t{}", self.system, self.row, self.procs, value, unit);
    }

    /// Reports the time since `start` in nanoseconds by n.
    pub fn report_per(&self, start: Instant, n: usize, unit: &str) {
        self.report(start.elapsed().as_nanos() as f64 / n as f64, unit);
    }
}

const ROWS: &[&str] = &[
    "yield", "chan-pingpong", "chan-buffered-1p1c", "chan-mpmc-8x8", "select-4", "spawn-join", "spawn-wait-one",
    "skynet-1M", "ring-10k", "sieve-2000", "mutex-8", "rwmutex-8", "timer-churn", "sleep-1M", "parked-1M-memory",
    "parked-1M-start", "unstarted-1M-memory", "parfor", "idle-wakeups", "tasks",
];

pub fn runtime() -> Runtime {
    let mut builder = if procs() == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().unwrap()
}

/// Runs the row as a task: what runs in block_on itself would run beside the workers, not on one.
fn on_tokio<F: Future<Output = ()> + Send + 'static>(row: F) {
    let runtime = runtime();
    runtime.block_on(async { tokio::spawn(row).await.unwrap() });
    std::process::exit(0); // tasks that are left end where they stand
}

pub fn procs() -> usize {
    std::env::var("TOKIO_WORKER_THREADS").ok().and_then(|v| v.parse().ok()).unwrap_or(1)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "rows") {
        println!("{}", ROWS.join("\n"));
        return;
    }
    if let [mode, address] = args.as_slice() {
        if mode == "echo" {
            return echo::serve(address);
        }
    }
    let row = args.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or_default();
    let quick = args.iter().any(|a| a == "--quick");
    let part = args.iter().find_map(|a| a.strip_prefix("--part=")).and_then(|n| n.parse().ok());
    let part = if quick { 100 } else { part.unwrap_or(1) };
    let procs = procs();
    let system = if row == "parfor" { "rayon" } else { "tokio" };
    let bench = Bench { system, row: row.clone(), procs, quick, part };
    match row.as_str() {
        "yield" => on_tokio(tasks::yield_now(bench)),
        "spawn-join" => on_tokio(tasks::spawn_join(bench)),
        "spawn-wait-one" => on_tokio(tasks::spawn_wait_one(bench)),
        "skynet-1M" => on_tokio(tasks::skynet_1m(bench)),
        "parked-1M-memory" => on_tokio(tasks::parked_memory(bench)),
        "unstarted-1M-memory" => on_tokio(tasks::unstarted_memory(bench)),
        "parked-1M-start" => on_tokio(tasks::parked_start(bench)),
        "idle-wakeups" => on_tokio(tasks::idle()),
        "tasks" => {
            let n = args.last().and_then(|n| n.parse().ok()).filter(|n| *n > 0).expect("usage: tokiobench tasks N");
            on_tokio(among::among(bench, n))
        }
        "chan-pingpong" => on_tokio(channels::pingpong(bench)),
        "chan-buffered-1p1c" => on_tokio(channels::buffered(bench)),
        "chan-mpmc-8x8" => on_tokio(channels::mpmc(bench)),
        "select-4" => on_tokio(channels::select_4(bench)),
        "ring-10k" => on_tokio(channels::ring(bench)),
        "sieve-2000" => on_tokio(channels::sieve(bench)),
        "mutex-8" => on_tokio(locks::mutex_8(bench)),
        "rwmutex-8" => on_tokio(locks::rwmutex_8(bench)),
        "timer-churn" => on_tokio(timers::churn(bench)),
        "sleep-1M" => on_tokio(timers::sleep_1m(bench)),
        "parfor" => parfor::parfor(bench),
        _ => {
            eprintln!("tokiobench: no row {row:?}");
            std::process::exit(2);
        }
    }
}
