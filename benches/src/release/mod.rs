//! What it takes to look whether a release may be used: `refit bench release`. The largest quorum there is signs one, and a
//! file as large as asked for is hashed: what a node does before it reads a byte of a release, and with every byte of it.

mod made;
mod report;

pub use report::ReleaseReport;

use crate::options::within;
use crate::{BenchError, Machine, Spread};
use made::{AT, Made};
use refit_release::{FileId, ReleaseBytes};
use std::hint::black_box;
use std::time::Instant;

/// Bytes of a megabyte.
const MB: usize = 1_000_000;

/// The options of a run.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseOptions {
    /// The file that is hashed, in megabytes.
    pub file_mb: u32,
    /// How often each is measured.
    pub repetitions: u32,
}

impl Default for ReleaseOptions {
    /// 64 MB, 51 times.
    fn default() -> Self {
        Self {
            file_mb: 64,
            repetitions: 51,
        }
    }
}

impl ReleaseOptions {
    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        within("file", self.file_mb.into(), 1.0..=4_096.0)?;
        within("repetitions", self.repetitions.into(), 1.0..=10_000.0)
    }
}

/// Runs the bench and returns its report.
///
/// # Errors
/// [`BenchError`]: an option out of its range, or a release that does not verify.
pub fn run(options: &ReleaseOptions) -> Result<ReleaseReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let made = Made::new()?;
    let file = vec![0x5a_u8; options.file_mb as usize * MB];
    let (mut verify_ms, mut hash_ms) = (Vec::new(), Vec::new());
    // In turns: a noisy minute falls on both.
    for _ in 0..options.repetitions {
        verify_ms.push(verified(&made)?);
        let start = Instant::now();
        black_box(FileId::of(black_box(&file)));
        hash_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(ReleaseReport::new(
        machine,
        options.file_mb,
        Spread::of(verify_ms),
        Spread::of(hash_ms),
    ))
}

/// Reads and verifies the release once; gives the time, in milliseconds.
fn verified(made: &Made) -> Result<f64, BenchError> {
    let start = Instant::now();
    let read = ReleaseBytes::read(black_box(&made.release));
    let verified = read
        .map_err(made::failed)?
        .verify(&made.keyset, AT)
        .map_err(made::failed)?;
    let took = start.elapsed().as_secs_f64() * 1e3;
    match verified.signers().len() == made.keys {
        true => Ok(took),
        false => Err(made::failed("not all signatures were counted")),
    }
}
