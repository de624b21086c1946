//! Every request as a line of a CSV file.

use super::DemoError;
use super::client::{Outcome, Row};
use crate::failure::Failure;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// The file in the folder that was named.
pub(crate) const FILE: &str = "requests.csv";

/// The first line.
const HEADER: &str =
    "client,sequence,intended_us,sent_us,answered_us,tries,status,generation,height,outcome\n";

/// Writes all requests, times in microseconds since the load's start.
pub(crate) fn write(folder: &Path, rows: &[Row]) -> Result<(), Failure> {
    let path = folder.join(FILE);
    written(folder, &path, rows)
        .map_err(|source| Box::new(DemoError::Record { path, source }).into())
}

fn written(folder: &Path, path: &Path, rows: &[Row]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(refit_benches::figures::begin(path, HEADER)?);
    for row in rows {
        let us = |time: Duration| time.as_micros();
        let answered = row
            .answered
            .map(|time| us(time).to_string())
            .unwrap_or_default();
        let outcome = match row.outcome {
            Outcome::InOrder => "in-order",
            Outcome::Ahead => "ahead",
            Outcome::Behind => "behind",
            Outcome::None => "none",
        };
        let Row {
            client,
            sequence,
            tries,
            status,
            generation,
            height,
            ..
        } = row;
        let (intended, sent) = (us(row.intended), us(row.sent));
        writeln!(
            file,
            "{client},{sequence},{intended},{sent},{answered},{tries},{status},{generation},{height},{outcome}"
        )?;
    }
    file.flush()
}
