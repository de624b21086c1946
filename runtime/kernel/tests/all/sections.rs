//! An image in sections: one behind the other they are the stream, and each engine's is read alone.

use crate::rig::alone::busy;
use crate::rig::{LARGE, root, table};
use refit_abi::host::Explain;
use refit_abi::{Sender, Undelivered};
use refit_kernel::limits::{RECORD_BYTES_MAX, SECTION_BYTES};
use refit_kernel::{
    DeadLetterImage, EngineImage, Executor, Image, ImageScope, Section, SectionTaker, StateImage,
    StreamError, cut,
};

/// The sections with their bytes.
#[derive(Default)]
struct Kept {
    sections: Vec<(Section, Vec<u8>)>,
    bytes: Vec<u8>,
    /// The longest piece.
    widest: usize,
}

impl SectionTaker for Kept {
    type Error = StreamError;

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.widest = self.widest.max(bytes.len());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn section(&mut self, section: Section) -> Result<(), StreamError> {
        self.sections
            .push((section, std::mem::take(&mut self.bytes)));
        Ok(())
    }
}

fn written(image: &Image) -> Vec<u8> {
    let executor = Executor::from_image(table(), image).unwrap();
    let mut bytes = Vec::new();
    let scope = ImageScope::whole(usize::MAX);
    executor.write_image(&scope, &mut bytes).unwrap();
    bytes
}

/// Cuts, and sees that nothing is lost on the way.
fn sections(image: &Image) -> Kept {
    let (bytes, mut kept) = (written(image), Kept::default());
    let tally = cut(bytes.as_slice(), &mut kept).unwrap().tally;
    assert!(kept.bytes.is_empty());
    let pieces = kept.sections.iter().map(|(_, bytes)| bytes.as_slice());
    assert!(pieces.collect::<Vec<_>>().concat() == bytes);
    assert_eq!(tally.engines as usize, image.engines.len());
    kept
}

/// The engines of the sections, each read alone.
fn engines(kept: &Kept) -> Vec<EngineImage> {
    let engines = kept
        .sections
        .iter()
        .filter_map(|(section, bytes)| match section {
            Section::Engine(known) => {
                let engine = EngineImage::from_section(bytes).unwrap();
                let state = match &engine.state {
                    StateImage::Live(state) => Some(state.len() as u64),
                    _ => None,
                };
                assert_eq!((known.id, known.kind), (engine.id, engine.kind));
                assert_eq!(known.state_bytes, state);
                assert_eq!(known.letters, engine.mailbox.len() as u64);
                Some(engine)
            }
            Section::Beside(_) | Section::End => None,
        });
    engines.collect()
}

#[test]
fn one_behind_the_other_the_sections_are_the_stream_and_each_engine_is_read_alone() {
    let image = busy().image(LARGE).unwrap();
    let kept = sections(&image);
    assert!(engines(&kept) == image.engines);
    let beside = kept
        .sections
        .iter()
        .filter_map(|(section, _)| match section {
            Section::Beside(sort) => Some(*sort),
            _ => None,
        });
    let beside: Vec<_> = beside.collect();
    assert_eq!(beside[0], "beginning");
    for sort in ["causes", "stopped", "timers-by-height", "timers-by-time"] {
        assert_eq!(beside.iter().filter(|it| **it == sort).count(), 1, "{sort}");
    }
    assert_eq!(kept.sections.last().unwrap().0, Section::End);
}

#[test]
fn a_long_state_is_never_held_and_a_long_table_is_several_sections() {
    let mut image = busy().image(LARGE).unwrap();
    let letter = DeadLetterImage {
        sender: Sender::Engine(root(1)),
        to: root(2),
        reason: Undelivered::Poisoned,
        payload: vec![3; SECTION_BYTES / 2],
    };
    image.dead_letters = (vec![letter; 5], 5);
    let kept = sections(&image);
    let tables = kept.sections.iter();
    let tables = tables.filter(|(section, _)| *section == Section::Beside("dead-letters"));
    assert!(tables.count() > 1);

    // Four records and a bit, which the engine itself writes.
    let length = 4 * RECORD_BYTES_MAX + 17;
    let engine = image.engines.iter_mut();
    let mut live = engine.filter(|engine| matches!(engine.state, StateImage::Live(_)));
    let engine = live.next().unwrap();
    let StateImage::Live(state) = &engine.state else {
        unreachable!()
    };
    let mut memory: crate::rig::script::Memory = postcard::from_bytes(state).unwrap();
    memory.refused.push("x".repeat(length));
    engine.state = StateImage::Live(postcard::to_allocvec(&memory).unwrap());
    let kept = sections(&image);
    assert!(engines(&kept) == image.engines);
    assert!(kept.widest < 2 * SECTION_BYTES, "{}", kept.widest);
}

#[test]
fn a_stream_that_is_cut_or_damaged_is_not_cut_to_its_end() {
    let bytes = written(&busy().image(LARGE).unwrap());
    for end in (0..bytes.len()).step_by(7) {
        let error = cut(&bytes[..end], &mut Kept::default()).unwrap_err();
        assert_eq!(error.code(), "image-cut", "{end}: {error}");
    }
    for at in (0..bytes.len()).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(
            cut(flipped.as_slice(), &mut Kept::default()).is_err(),
            "{at}"
        );
    }
}

#[test]
fn what_is_no_section_of_an_engine_is_not_read_as_one() {
    let kept = sections(&busy().image(LARGE).unwrap());
    let engine = |(section, _): &&(Section, Vec<u8>)| matches!(section, Section::Engine(_));
    let (_, bytes) = kept.sections.iter().find(engine).unwrap();
    let longer = [bytes.as_slice(), bytes].concat();
    assert!(EngineImage::from_section(&longer).is_err());
    for end in 0..bytes.len() {
        assert!(EngineImage::from_section(&bytes[..end]).is_err(), "{end}");
    }
    for (section, bytes) in &kept.sections {
        let is_engine = matches!(section, Section::Engine(_));
        assert_eq!(EngineImage::from_section(bytes).is_ok(), is_engine);
    }
}
