//! Measures the cost of a swap and of keys, in pairs of windows that differ in nothing else: the order of each pair
//! is drawn from the seed, so that a noisy minute falls on both.

use super::load::Pace;
use super::row::Latency;
use super::traffic::Sort;
use super::window::{Bench, Measured, Shape, sleep_until};
use super::{ServeCode, ServeOptions};
use crate::random::Random;
use crate::{BenchError, Spread};
use serde::Serialize;
use std::time::Instant;

/// The beginning of a swap in its window, as a part of it.
const SWAP_AT: f64 = 0.25;

/// Latencies in windows with one swap, beside windows without.
#[derive(Clone, Debug, Serialize)]
pub struct Swaps {
    /// Over how many connections.
    pub connections: usize,
    /// Puts that were due each second.
    pub rate_hz: f64,
    /// The windows.
    pub pairs: Vec<SwapPair>,
    /// All windows without a swap together.
    pub control: Latency,
    /// All windows with one together.
    pub swap: Latency,
    /// p99.9 with a swap over p99.9 without, of each pair.
    pub ratio: Spread,
    /// Requests that did not get what they should.
    pub failed: u64,
}

/// Two windows of the same length and rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SwapPair {
    /// Without a swap.
    pub control: Latency,
    /// With one.
    pub swap: Latency,
    /// The swap's pause, in microseconds.
    pub pause_us: f64,
    /// From the plan at the node to the old code unmapped, in milliseconds: rehearsal and all.
    pub whole_ms: f64,
    /// Whether all of that was within the window.
    pub is_inside: bool,
}

/// Messages a second with keys and without.
#[derive(Clone, Debug, Serialize)]
pub struct KeysCost {
    /// The kind of the messages without keys.
    pub sort: Sort,
    /// Over how many connections, each in a closed loop.
    pub connections: usize,
    /// The windows.
    pub pairs: Vec<KeysPair>,
    /// By how much fewer messages go through with keys, in percent, of each pair.
    pub cost_percent: Spread,
    /// Requests that did not get what they should.
    pub failed: u64,
}

/// Two windows of the same length.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KeysPair {
    /// Messages a second without keys.
    pub plain_per_s: f64,
    /// Messages a second with keys.
    pub keyed_per_s: f64,
}

/// One swap in each pair; the two libraries take turns.
pub(super) fn swaps(
    bench: &Bench<'_>,
    code: &ServeCode<'_>,
    options: &ServeOptions,
    rate_hz: f64,
) -> Result<Swaps, BenchError> {
    let shape = Shape {
        sort: Sort::Put,
        connections: options.middle(),
        pace: Pace::Open(rate_hz),
    };
    let mut random = Random::new(options.seed);
    let (mut pairs, mut control, mut swap) = (Vec::new(), None, None);
    let mut next = [code.replacement, code.library].into_iter().cycle();
    for _ in 0..options.pairs {
        let plan = bench.node.plan(next.next().unwrap_or(code.library))?;
        let (quiet, swapped, told) = if random.next() & 1 == 0 {
            let quiet = bench.measure(shape)?;
            let (swapped, told) = with_swap(bench, shape, &plan)?;
            (quiet, swapped, told)
        } else {
            let (swapped, told) = with_swap(bench, shape, &plan)?;
            (bench.measure(shape)?, swapped, told)
        };
        pairs.push(SwapPair {
            control: quiet.row.latency,
            swap: swapped.row.latency,
            ..told
        });
        gather(&mut control, quiet);
        gather(&mut swap, swapped);
    }
    let ratio = |pair: &SwapPair| pair.swap.p999_us / pair.control.p999_us.max(f64::MIN_POSITIVE);
    let latency = |all: &Option<Measured>| {
        all.as_ref()
            .map_or_else(Latency::default, |all| Latency::of(&all.seen.latency_ns))
    };
    let failed = |all: &Option<Measured>| all.as_ref().map_or(0, |all| all.seen.failed());
    Ok(Swaps {
        connections: shape.connections,
        rate_hz,
        ratio: Spread::of(pairs.iter().map(ratio)),
        pairs,
        control: latency(&control),
        swap: latency(&swap),
        failed: failed(&control) + failed(&swap),
    })
}

/// A window with one swap, and the facts of the swap.
fn with_swap(
    bench: &Bench<'_>,
    shape: Shape,
    plan: &str,
) -> Result<(Measured, SwapPair), BenchError> {
    let mut told = SwapPair {
        control: Latency::default(),
        swap: Latency::default(),
        pause_us: 0.0,
        whole_ms: 0.0,
        is_inside: false,
    };
    let measured = bench.measure_with(shape, |times| {
        sleep_until(times.from + (times.to - times.from).mul_f64(SWAP_AT));
        let begun = Instant::now();
        told.pause_us = bench.node.upgrade(plan)?;
        told.whole_ms = begun.elapsed().as_secs_f64() * 1e3;
        told.is_inside = Instant::now() <= times.to;
        Ok(())
    })?;
    Ok((measured, told))
}

fn gather(all: &mut Option<Measured>, measured: Measured) {
    match all {
        Some(all) => all.seen.add(&measured.seen),
        None => *all = Some(measured),
    }
}

/// Messages of sort `plain` against the same with keys, as many as go through.
pub(super) fn keys(
    bench: &Bench<'_>,
    options: &ServeOptions,
    plain: Sort,
    keyed: Sort,
) -> Result<KeysCost, BenchError> {
    let connections = options.middle();
    let mut random = Random::new(options.seed);
    let (mut pairs, mut failed) = (Vec::new(), 0);
    for _ in 0..options.pairs {
        let mut per_s = |sort| {
            let row = bench.measure(Shape {
                sort,
                connections,
                pace: Pace::Closed,
            })?;
            failed += row.row.failed();
            Ok::<_, BenchError>(row.row.answered_per_s)
        };
        let (plain_per_s, keyed_per_s) = if random.next() & 1 == 0 {
            let plain = per_s(plain)?;
            (plain, per_s(keyed)?)
        } else {
            let keyed = per_s(keyed)?;
            (per_s(plain)?, keyed)
        };
        pairs.push(KeysPair {
            plain_per_s,
            keyed_per_s,
        });
    }
    let cost = |pair: &KeysPair| 100.0 * (1.0 - pair.keyed_per_s / pair.plain_per_s.max(1.0));
    Ok(KeysCost {
        sort: plain,
        connections,
        cost_percent: Spread::of(pairs.iter().map(cost)),
        pairs,
        failed,
    })
}
