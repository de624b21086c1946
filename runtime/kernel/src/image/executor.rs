//! An executor as an image, and back: its items are taken in [`take`](super::take), and made into one in [`make`](super::make).

use super::make::Making;
use super::take::{self, StatePieces, Taker};
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::image::stream::{StreamError, Tally};
use crate::image::{Image, ImageError, ImageScope, Item, Writer};
use std::io::Write;
use std::sync::Arc;

impl<W: Write> Taker for Writer<W> {
    type Error = StreamError;

    fn item(&mut self, item: Item) -> Result<(), StreamError> {
        self.item(&item)
    }

    fn state(&mut self, pieces: &mut StatePieces<'_>) -> Result<(), StreamError> {
        self.state(pieces)
    }
}

impl Taker for Image {
    type Error = ImageError;

    fn item(&mut self, item: Item) -> Result<(), ImageError> {
        self.put(item);
        Ok(())
    }

    fn state(&mut self, pieces: &mut StatePieces<'_>) -> Result<(), ImageError> {
        let state = pieces.collect::<Result<Vec<_>, _>>()?.concat();
        self.put_state(state);
        Ok(())
    }
}

impl Executor {
    /// Writes what `scope` says of the executor as a [`stream`](crate::image::stream). Runs engine code, so on the
    /// crew only ([`Duty::call`](crate::Duty::call)); settles what the last swap left unsettled. It writes
    /// in small pieces: `to` is best buffered.
    ///
    /// # Errors
    /// [`StreamError`], with [`ImageError::TooLarge`] as soon as the states and all that waits are more than the scope
    /// allows. What was written by then is cut short.
    pub fn write_image(&self, scope: &ImageScope, to: impl Write) -> Result<Tally, StreamError> {
        let mut writer = Writer::begin(to)?;
        self.each_item(scope, &mut writer)?;
        writer.end()
    }

    /// Everything the executor is, as plain data. Runs engine code, as [`Executor::write_image`] does.
    ///
    /// # Errors
    /// [`ImageError::Encode`]; [`ImageError::TooLarge`] as soon as the states and all that waits are
    /// more than `bytes_max`.
    pub fn image(&self, bytes_max: usize) -> Result<Image, ImageError> {
        let scope = ImageScope::whole(bytes_max);
        let table = self.table();
        let mut image = Image::new(
            take::header(self, &scope, &table),
            (*self.parameters).clone(),
        );
        self.each_item(&scope, &mut image)?;
        Ok(image)
    }

    /// An executor that goes on where the one of the image was, with the code of `table`. Runs engine
    /// code: on a thread that is joined before that code is unmapped.
    ///
    /// # Errors
    /// [`ImageError`]; states that were read by then are leaked, safely.
    pub fn from_image(table: Arc<GenerationTable>, image: &Image) -> Result<Self, ImageError> {
        if image.format != crate::image::IMAGE_FORMAT {
            let format = image.format;
            return Err(ImageError::Format { format });
        }
        let mut making = Making::begin(table, &image.header(), image.parameters.clone())?;
        image.items().try_for_each(|item: Item| making.put(item))?;
        Ok(making.end())
    }
}
