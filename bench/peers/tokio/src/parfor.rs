// SPDX-License-Identifier: MIT

use crate::Bench;
use rayon::prelude::*;
use std::time::Instant;

/// The small body: the finaliser of MurmurHash3.
fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ceb9fe1a85ec53);
    x ^ x >> 33
}

/// On Rayon, not Tokio: it is what Rust's users take for loops. RAYON_NUM_THREADS says how many threads.
pub fn parfor(bench: Bench) {
    let n = bench.size(10_000_000) as u64;
    rayon::broadcast(|_| ()); // its threads are there before, as other systems' are
    let start = Instant::now();
    let sum = (0..n).into_par_iter().map(mix).reduce(|| 0, u64::wrapping_add);
    bench.report_per(start, n as usize, "ns/body");
    assert_eq!(sum, (0..n).map(mix).fold(0, u64::wrapping_add));
}
