//! An image whose large states are decoded on threads of their own: what comes of it is what comes of it on one.

use crate::rig::alone::busy;
use crate::rig::script::Memory;
use crate::rig::{LARGE, root, table};
use refit_abi::host::Explain;
use refit_kernel::limits::{DECODED_APART_BYTES_MIN, DECODED_AT_ONCE_MAX};
use refit_kernel::{
    CopiedExecutor, Executor, Image, ImageReader, ImageScope, StateImage, StreamError,
};

fn written(executor: &Executor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let scope = ImageScope::whole(LARGE);
    executor.write_image(&scope, &mut bytes).unwrap();
    bytes
}

/// An image with some engines whose states are large, others between them, and mail and timers behind them.
fn with_large_states() -> Image {
    let mut image = busy().image(LARGE).unwrap();
    let engines = image.engines.iter_mut().step_by(3);
    let states = engines.filter_map(|engine| match &mut engine.state {
        StateImage::Live(state) => Some(state),
        _ => None,
    });
    for state in states.take(3 * DECODED_AT_ONCE_MAX) {
        let mut memory: Memory = postcard::from_bytes(state).unwrap();
        memory.refused.push("x".repeat(DECODED_APART_BYTES_MIN));
        *state = postcard::to_allocvec(&memory).unwrap();
    }
    image
}

#[test]
fn states_that_are_decoded_apart_make_the_same_executor_in_the_same_order() {
    let image = with_large_states();
    let bytes = written(&Executor::from_image(table(), &image).unwrap());
    let reader = ImageReader::begin(bytes.as_slice()).unwrap();
    let CopiedExecutor { executor, tally } = reader.executor_apart(table(), || Ok(())).unwrap();
    assert_eq!(executor.image(LARGE).unwrap(), image);
    assert!(written(&executor) == bytes);
    assert_eq!(tally.engines as usize, image.engines.len());
}

#[test]
fn a_state_that_is_none_is_refused_by_the_name_of_its_engine_whatever_lies_behind_it() {
    let bytes = written(&Executor::from_image(table(), &with_large_states()).unwrap());
    // The string that makes the first one large.
    let text = bytes.windows(64).position(|part| part == [b'x'; 64]);
    let mut changed = bytes.clone();
    changed[text.unwrap()] = 0xFF;
    let read = |apart: bool| {
        let reader = ImageReader::begin(changed.as_slice()).unwrap();
        let read = match apart {
            true => reader.executor_apart(table(), || Ok(())),
            false => reader.executor(table(), |_| ()),
        };
        read.map(drop).unwrap_err()
    };
    let (apart, beside) = (read(true), read(false));
    assert_eq!(apart.code(), beside.code());
    assert_eq!(apart.engine(), beside.engine());
    assert_eq!(apart.engine(), Some(root(0)));
}

#[test]
fn no_code_sees_a_state_before_it_may() {
    let bytes = written(&Executor::from_image(table(), &with_large_states()).unwrap());
    let mut changed = bytes.clone();
    let text = bytes.windows(64).position(|part| part == [b'x'; 64]);
    changed[text.unwrap()] = 0xFF;
    let mut asked = 0;
    let reader = ImageReader::begin(changed.as_slice()).unwrap();
    let refused = reader.executor_apart(table(), || {
        asked += 1;
        let source = std::io::Error::other("it may not");
        Err(StreamError::Read { source })
    });
    // Decoded, the state would be the error.
    let error = refused.map(drop).unwrap_err();
    assert!(matches!(error, StreamError::Read { .. }), "{error}");
    let reader = ImageReader::begin(bytes.as_slice()).unwrap();
    let read = reader.executor_apart(table(), || {
        asked += 1;
        Ok(())
    });
    read.unwrap();
    assert_eq!(asked, 2, "once for all engines");
}
