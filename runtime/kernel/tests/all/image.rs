//! An executor that was made from an image goes on as the one the image was taken from.

use crate::rig::alone::{busy, copy};
use crate::rig::script::{Message, Op};
use crate::rig::{LARGE, block, frame, ingress, memory, root, table};
use refit_abi::host::Explain;
use refit_abi::schema::SchemaId;
use refit_kernel::crew::Helpers;
use refit_kernel::{Executor, Image, ImageError, StateImage};

#[test]
fn an_executor_made_from_an_image_goes_on_as_the_one_it_was_taken_from() {
    let mut first = busy();
    let mut second = copy(&first);
    assert_eq!(second.image(LARGE), first.image(LARGE));
    assert_eq!(second.backlog(), first.backlog());
    for height in 4..10 {
        let messages = vec![ingress(root(7), &Message::of([Op::Draw]))];
        let of_first = first.execute(&Helpers::none(), block(height, messages.clone()));
        let of_second = second.execute(&Helpers::none(), block(height, messages));
        assert_eq!(of_second.replies, of_first.replies);
        assert_eq!(of_second.stats, of_first.stats);
        assert_eq!(second.image(LARGE), first.image(LARGE), "after {height}");
    }
    assert!(!memory(&first, root(1)).log.is_empty(), "the timer was due");
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
