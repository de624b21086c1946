//! Files of images, read from their beginning to see what is in them.

use refit_kernel::{ImageReader, StateTree, StreamError, state_tree};
use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// A reader with a place of its own in a file: several read one file beside one another.
#[derive(Debug)]
pub(crate) struct FromBeginning<F> {
    file: F,
    at: u64,
}

/// The file as it is from its beginning on.
pub(crate) fn from_beginning<F: Borrow<File>>(file: F) -> BufReader<FromBeginning<F>> {
    BufReader::with_capacity(READ_BYTES, FromBeginning { file, at: 0 })
}

impl<F: Borrow<File>> Read for FromBeginning<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.borrow().read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Reads an image to its end, and holds none of it.
pub(crate) fn look_through(file: &File) -> Result<(), StreamError> {
    ImageReader::begin(from_beginning(file))?.check()
}

/// The hash of the state of an image, which is read to its end.
pub(crate) fn tree_of(file: &File) -> Result<StateTree, StreamError> {
    state_tree(from_beginning(file))
}
