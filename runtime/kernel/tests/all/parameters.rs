//! Parameters are state: they change between blocks, come with an image, and hold whatever a node was configured with.

use crate::rig::alone::{copy, executor};
use crate::rig::script::Message;
use crate::rig::{LARGE, block, ingress, root, table};
use refit_abi::Undelivered;
use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_kernel::crew::Helpers;
use refit_kernel::{Executor, Parameters, ReplyError};

/// How many of these messages of one block are refused for want of room.
fn refused(executor: &mut Executor, messages: u64) -> usize {
    let height = executor.height().0 + 1;
    let messages = (0..messages).map(|_| ingress(root(0), &Message::default()));
    let outcome = executor.execute(&Helpers::none(), block(height, messages.collect()));
    let full = Err(ReplyError::Undelivered {
        engine: root(0),
        reason: Undelivered::Full,
    });
    let replies = outcome.replies.into_iter();
    replies.filter(|replied| replied.outcome == full).count()
}

fn with_mailboxes_of(executor: &Executor, messages: usize) -> Parameters {
    let mut parameters = (**executor.parameters()).clone();
    parameters.mailbox.messages = messages;
    parameters
}

#[test]
fn other_parameters_hold_from_the_next_block_on() {
    let mut executor = executor(1);
    assert_eq!(refused(&mut executor, 5), 0);
    let parameters = with_mailboxes_of(&executor, 3);
    executor.set_parameters(parameters);
    assert_eq!(refused(&mut executor, 5), 2);
    executor.set_parameters(Parameters::default());
    assert_eq!(refused(&mut executor, 5), 0);
}

#[test]
fn an_executor_made_from_an_image_has_the_parameters_of_the_image() {
    let mut executor = executor(1);
    let parameters = with_mailboxes_of(&executor, 3);
    executor.set_parameters(parameters);
    let mut copied = copy(&executor);
    assert_eq!(
        copied.parameters().hash(),
        executor.image(LARGE).unwrap().parameters.hash()
    );
    assert_eq!(refused(&mut copied, 5), 2);
}

#[test]
fn what_is_granted_follows_the_parameters_and_the_generation_stays() {
    let mut first = executor(1);
    let grant = CapabilityDescriptor {
        ability: Ability::Message,
        kind: "other".to_owned(),
    };
    let mut parameters = Parameters::default();
    parameters.grants.listed = [("actor".to_owned(), vec![grant])].into();
    let before = first.table();
    first.set_parameters(parameters.clone());
    assert_eq!(*first.table().grants(), parameters.grants);
    assert_eq!(first.table().number(), before.number());
    // The code at hand was put together with what another node grants.
    let image = first.image(LARGE).unwrap();
    let copied = Executor::from_image(table(), &image).unwrap();
    assert_eq!(*copied.table().grants(), parameters.grants);
}
