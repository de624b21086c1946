//! An executor that was made from an image goes on as the one the image was taken from.

use crate::alone::harness::{
    NO_BUDGET, block, executor, frame, handle_at_most, ingress, root, run, seen, start, table,
};
use crate::alone::script::{Config, Message, Op, Target};
use refit_abi::host::Explain;
use refit_abi::schema::SchemaId;
use refit_kernel::crew::Helpers;
use refit_kernel::{Executor, Image, ImageError, StateImage};

/// No image of these tests is larger, in bytes.
pub(crate) const LARGE: usize = 32 << 20;

/// Through bytes, as it would go to another process.
pub(crate) fn copy(executor: &Executor) -> Executor {
    let bytes = postcard::to_allocvec(&executor.image(LARGE).unwrap()).unwrap();
    let image: Image = postcard::from_bytes(&bytes).unwrap();
    Executor::from_image(table(), &image).unwrap()
}

/// Mail that waits, timers, children, a poisoned and a stopped engine, dead letters.
pub(crate) fn busy() -> Executor {
    let mut executor = executor(70);
    start(&mut executor, root(70), Config::default());
    let empty = Message::default;
    let ops = vec![
        Op::Spawn(Config::default()),
        Op::AfterBlocks(3, Message::of([Op::Flood(Target::Id(root(1)), 2)])),
        Op::AfterTime(25, Message::of([Op::Send(Target::Child(0), empty())])),
        Op::Send(Target::Id(root(2)), Message::of([Op::Draw])),
        Op::Bytes(Target::Id(root(3)), 5),
    ];
    run(&mut executor, vec![(root(0), Message::of(ops))]);
    let ends = vec![
        (root(4), Message::of([Op::Panic])),
        (root(5), Message::of([Op::Stop(Target::Me)])),
    ];
    run(&mut executor, ends);
    let chain = Message::of([Op::Send(
        Target::Id(root(65)),
        Message::of([
            Op::Flood(Target::Id(root(4)), 3),
            Op::Flood(Target::Id(root(6)), 3),
        ]),
    )]);
    let cut = block(3, vec![ingress(root(0), 9, chain)]);
    handle_at_most(&mut executor, 1);
    executor.execute(&Helpers::none(), cut);
    handle_at_most(&mut executor, NO_BUDGET);
    assert!(executor.backlog() > 0, "mail waits");
    executor
}

#[test]
fn an_executor_made_from_an_image_goes_on_as_the_one_it_was_taken_from() {
    let mut first = busy();
    let mut second = copy(&first);
    assert_eq!(second.image(LARGE), first.image(LARGE));
    assert_eq!(second.backlog(), first.backlog());
    for height in 4..10 {
        let messages = vec![ingress(root(7), height, Message::of([Op::Draw]))];
        let of_first = first.execute(&Helpers::none(), block(height, messages.clone()));
        let of_second = second.execute(&Helpers::none(), block(height, messages));
        assert_eq!(of_second.replies, of_first.replies);
        assert_eq!(of_second.stats, of_first.stats);
        assert_eq!(second.image(LARGE), first.image(LARGE), "after {height}");
    }
    assert!(!seen(&first, root(1)).is_empty(), "the timer was due");
    assert_eq!(second.dead_letters(), first.dead_letters());
    assert_eq!(second.height(), frame(9).height);
}

#[test]
fn what_no_executor_can_be_made_from_is_refused_with_the_engine() {
    let image = busy().image(LARGE).unwrap();
    let error = |image: &Image| {
        Executor::from_image(table(), image)
            .map(|_| ())
            .unwrap_err()
    };

    let mut broken = image.clone();
    broken.engines[0].state = StateImage::Live(vec![0xff; 3]);
    assert!(matches!(error(&broken), ImageError::Decode { engine, .. } if engine == root(0)));

    let mut unknown = image.clone();
    unknown.kinds[0].name = "nobody".to_owned();
    assert_eq!(error(&unknown), ImageError::UnknownKind { engine: root(0) });

    let mut later = image.clone();
    later.format += 1;
    let format = later.format;
    assert_eq!(error(&later), ImageError::Format { format });

    let mut other = image.clone();
    other.kinds[0].schema = SchemaId::default();
    assert_eq!(error(&other).code(), "image-other-state");

    let mut twice = image.clone();
    twice.engines[1].id = root(0);
    assert_eq!(error(&twice), ImageError::Twice { engine: root(0) });

    let bytes_max = image.bytes() - 1;
    assert_eq!(
        busy().image(bytes_max),
        Err(ImageError::TooLarge { bytes_max })
    );
    assert!(busy().image(bytes_max + 1).is_ok());
}
