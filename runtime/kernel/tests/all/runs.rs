//! What an engine sends to another one after the other is delivered together; what comes of it is what its messages
//! give one by one. The other side of the comparison is a model of mailboxes that knows no runs.

use crate::rig::alone::{executor, run};
use crate::rig::script::{Message, Op};
use crate::rig::{LARGE, root};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert_eq};
use refit_abi::raw::DeliveryKind;
use refit_abi::{Serialize, Undelivered};
use refit_kernel::{Executor, LetterImage, MailboxBounds};
use refit_test_support::check;

const CASES: u32 = 256;

/// What the engine sends is shorter than this.
const SEND_BYTES_MAX: u64 = 600;

/// More than all of the clients' messages together.
const CLIENTS_BYTES: usize = 6_000;

/// Engines: the first one sends.
const ENGINES: usize = 3;

/// What one message of a client makes the first engine send: to which engine, and how many bytes.
type Sends = Vec<(usize, u64)>;

/// What waits in a mailbox: whether it is a notice, and its length.
type Mail = Vec<(bool, usize)>;

/// The bytes of a payload.
fn length(payload: &impl Serialize) -> usize {
    postcard::to_allocvec(payload).unwrap().len()
}

struct Mailboxes {
    most: MailboxBounds,
    mail: Vec<Mail>,
    dead: u64,
}

impl Mailboxes {
    fn new(most: MailboxBounds) -> Self {
        Self {
            most,
            mail: vec![Mail::new(); ENGINES],
            dead: 0,
        }
    }

    /// Puts one letter into a mailbox, if there is room in it and in all, of which so much is kept for it.
    fn put(&mut self, to: usize, letter: (bool, usize), (messages, bytes): (usize, usize)) -> bool {
        let bytes_of = |mail: &Mail| mail.iter().map(|(_, bytes)| *bytes).sum::<usize>();
        let waiting = self.mail.iter().map(Vec::len).sum::<usize>();
        let waiting_bytes = self.mail.iter().map(bytes_of).sum::<usize>();
        let fits = waiting < self.most.all_messages + messages
            && waiting_bytes + letter.1 <= self.most.all_bytes + bytes
            && self.mail[to].len() < self.most.messages
            && bytes_of(&self.mail[to]) + letter.1 <= self.most.bytes;
        if fits {
            self.mail[to].push(letter);
        }
        fits
    }

    fn send(&mut self, to: usize, bytes: usize) {
        if self.put(to, (false, bytes), (0, 0)) {
            return;
        }
        let notice = length(&(root(to), Undelivered::Full));
        let kept = (self.most.kept_messages / 2, self.most.kept_bytes / 2);
        self.dead += u64::from(!self.put(0, (true, notice), kept));
    }
}

fn is_notice(letter: &LetterImage) -> bool {
    letter.envelope.kind == DeliveryKind::Undelivered
}

fn mail_of(executor: &Executor) -> Vec<Mail> {
    let image = executor.image(LARGE).unwrap();
    let engines = (0..ENGINES).map(|number| {
        let mut engines = image.engines.iter();
        let engine = engines.find(|engine| engine.id == root(number)).unwrap();
        let mail = engine.mailbox.iter();
        mail.map(|letter| (is_notice(letter), letter.payload.len()))
            .collect()
    });
    engines.collect()
}

fn sends() -> impl Strategy<Value = Vec<Sends>> {
    // Mostly to one engine, so that there are runs.
    let to = (0..8_usize).prop_map(|draw| draw.saturating_sub(5));
    let to = to.prop_map(|to| [1, 2, 0][to]);
    vec(vec((to, 0..SEND_BYTES_MAX), 0..12), 1..5)
}

fn bounds() -> impl Strategy<Value = MailboxBounds> {
    let bytes = CLIENTS_BYTES..3 * CLIENTS_BYTES;
    let bounds = (5..30_usize, bytes, 2..40_usize, 1..2 * CLIENTS_BYTES);
    let kept = (5..12_usize, CLIENTS_BYTES..CLIENTS_BYTES + 300);
    // What comes from clients has room.
    (bounds, kept).prop_map(
        |((messages, bytes, all_messages, all_bytes), kept)| MailboxBounds {
            messages,
            bytes,
            all_messages,
            all_bytes,
            kept_messages: kept.0,
            kept_bytes: kept.1,
        },
    )
}

#[test]
fn what_comes_of_a_run_is_what_its_messages_give_one_by_one() {
    check(CASES, &(sends(), bounds()), |(sends, most)| {
        let mut executor = executor(ENGINES);
        let mut parameters = (**executor.parameters()).clone();
        parameters.mailbox = most;
        // The clients' messages are handled, and what they make the engine send waits.
        parameters.block.messages = sends.len() as u64;
        let mut model = Mailboxes::new(most);
        executor.set_parameters(parameters);
        let script = |sends: &Sends| {
            let op = |(to, bytes): &(usize, u64)| Op::Bytes(root(*to).into(), *bytes);
            (
                root(0),
                Message::of(sends.iter().map(op).collect::<Vec<_>>()),
            )
        };
        let outcome = run(&mut executor, &sends.iter().map(script).collect::<Vec<_>>());
        prop_assert_eq!(outcome.stats.messages, sends.len() as u64);
        for (to, bytes) in sends.iter().flatten() {
            model.send(*to, length(&vec![7_u8; *bytes as usize]));
        }
        prop_assert_eq!(mail_of(&executor), model.mail);
        prop_assert_eq!(outcome.stats.dead_letters, model.dead);
        Ok(())
    });
}
