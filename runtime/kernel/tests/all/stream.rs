//! An image as a stream: what is written reads back as it was, and nothing else reads back.

use crate::rig::alone::busy;
use crate::rig::{LARGE, frame, root, table};
use refit_abi::host::BlockFrame;
use refit_abi::host::Explain;
use refit_kernel::limits::RECORD_BYTES_MAX;
use refit_kernel::{
    ArtifactHash, Executor, IMAGE_FORMAT, Image, ImageReader, ImageScope, StateImage, StreamError,
};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};

/// Bytes before the first record: the name of the form, and its number.
const BEGIN_BYTES: usize = 16;

/// Bytes before those of a record.
const HEAD_BYTES: usize = 5;

fn written(executor: &Executor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let scope = ImageScope::whole(LARGE);
    executor.write_image(&scope, &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Image, StreamError> {
    ImageReader::begin(bytes)?.image()
}

/// Where each record begins and ends.
fn records(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut records) = (BEGIN_BYTES, Vec::new());
    while at < bytes.len() {
        let length = bytes[at + 1..at + HEAD_BYTES].try_into().unwrap();
        let end = at + HEAD_BYTES + u32::from_le_bytes(length) as usize;
        records.push((at, end));
        at = end;
    }
    records
}

#[test]
fn what_is_written_reads_back_as_it_was_and_into_the_same_executor() {
    let executor = busy();
    let bytes = written(&executor);
    let image = executor.image(LARGE).unwrap();
    assert_eq!(read(&bytes).unwrap(), image);
    let mut seen = Vec::new();
    let reader = ImageReader::begin(bytes.as_slice()).unwrap();
    assert_eq!(reader.header().frame, executor.image(LARGE).unwrap().frame);
    assert_eq!(reader.header().frame, BlockFrame { ..frame(3) });
    let copied = reader
        .executor(table(), |engine| seen.push(engine.id))
        .unwrap();
    assert_eq!(copied.executor.image(LARGE).unwrap(), image);
    assert_eq!(seen.len() as u64, copied.tally.engines);
    assert_eq!(copied.tally.records as usize + 1, records(&bytes).len());
    assert_eq!(written(&copied.executor), bytes, "there is one form");
}

#[test]
fn a_stream_that_ends_anywhere_is_cut_short_and_names_the_engine() {
    let bytes = written(&busy());
    for end in (0..bytes.len()).step_by(3) {
        let error = read(&bytes[..end]).unwrap_err();
        assert_eq!(error.code(), "image-cut", "{end}: {error}");
    }
    let last = read(&bytes[..bytes.len() - 1]).unwrap_err();
    assert!(last.engine().is_some(), "{last}");
    // What comes behind is not its own.
    let behind = [bytes.as_slice(), b"more"].concat();
    assert!(read(&behind).is_ok());
}

#[test]
fn another_form_and_what_is_no_image_are_refused_by_name() {
    let mut bytes = written(&busy());
    bytes[12..16].copy_from_slice(&(IMAGE_FORMAT + 1).to_le_bytes());
    let newer = read(&bytes).unwrap_err();
    assert!(matches!(newer, StreamError::Format { format } if format == IMAGE_FORMAT + 1));
    assert_eq!(read(&[b'x'; 400]).unwrap_err().code(), "image-none");
}

#[test]
fn a_record_that_is_missing_twice_there_or_changed_is_found() {
    let bytes = written(&busy());
    let records = records(&bytes);
    let mut codes = BTreeSet::new();
    for (begin, end) in &records {
        let without = [&bytes[..*begin], &bytes[*end..]].concat();
        codes.insert(read(&without).unwrap_err().code().to_owned());
        let twice = [&bytes[..*end], &bytes[*begin..]].concat();
        if *end < bytes.len() {
            codes.insert(read(&twice).unwrap_err().code().to_owned());
        }
    }
    for (place, (begin, end)) in records.iter().enumerate().skip(1) {
        let before = records[place - 1].0;
        let swapped = [
            &bytes[..before],
            &bytes[*begin..*end],
            &bytes[before..*begin],
            &bytes[*end..],
        ];
        // Two equal records may change places.
        if bytes[before..*begin] != bytes[*begin..*end] {
            codes.insert(read(&swapped.concat()).unwrap_err().code().to_owned());
        }
    }
    for at in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        codes.insert(read(&changed).unwrap_err().code().to_owned());
    }
    let expected = [
        "image-count",
        "image-cut",
        "image-damaged",
        "image-format",
        "image-malformed",
        "image-none",
        "image-order",
    ];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), expected);
}

/// Gives no more than so much at a time, and notes the largest that is asked of it.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

/// Notes how much is written at once at most.
#[derive(Default)]
struct Widest(usize, Vec<u8>);

impl Write for Widest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.max(bytes.len());
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_part_goes_in_records_of_bounded_length() {
    let mut image = busy().image(LARGE).unwrap();
    let mail = image
        .engines
        .iter_mut()
        .flat_map(|engine| &mut engine.mailbox);
    mail.last().unwrap().payload = vec![7; 2 * RECORD_BYTES_MAX];
    let executor = Executor::from_image(table(), &image).unwrap();
    let mut to = Widest::default();
    let scope = ImageScope::whole(16 * RECORD_BYTES_MAX);
    executor.write_image(&scope, &mut to).unwrap();
    assert_eq!(to.0, RECORD_BYTES_MAX);
    let slow = ImageReader::begin(Slow(&to.1, 1_000)).unwrap();
    assert_eq!(slow.image().unwrap(), image);
    assert_eq!(
        records(&to.1)
            .iter()
            .filter(|(b, e)| e - b == HEAD_BYTES + RECORD_BYTES_MAX)
            .count(),
        2
    );
}

#[test]
fn states_that_are_not_asked_for_are_left_out_and_everything_else_is_there() {
    let executor = busy();
    let whole = executor.image(LARGE).unwrap();
    let scope = ImageScope {
        kinds: Some(BTreeSet::new()),
        artifacts: vec![ArtifactHash([9; 32]); 1],
        ..ImageScope::whole(LARGE)
    };
    let mut bytes = Vec::new();
    let tally = executor.write_image(&scope, &mut bytes).unwrap();
    assert_eq!(
        (tally.state_bytes, tally.engines),
        (0, whole.engines.len() as u64)
    );
    let image = read(&bytes).unwrap();
    assert_eq!(image.kinds[0].artifact, Some(ArtifactHash([9; 32])));
    for (left_out, engine) in image.engines.iter().zip(&whole.engines) {
        let is_live = matches!(engine.state, StateImage::Live(_));
        assert_eq!(left_out.state == StateImage::Elsewhere, is_live);
        assert_eq!(
            (left_out.id, &left_out.mailbox),
            (engine.id, &engine.mailbox)
        );
    }
    let copy = Executor::from_image(table(), &image).unwrap();
    assert_eq!(copy.backlog(), executor.backlog());
    // It cannot pass for one that has them.
    let error = copy.image(LARGE).unwrap_err();
    assert_eq!(
        (error.code(), error.engine()),
        ("image-state-elsewhere", Some(root(0)))
    );
    assert!(copy.write_image(&scope, io::sink()).is_ok());
}
