//! [`Pace`]: how many lines of a batch are handed over ahead of their answers.
//!
//! Nobody knows how long an answer is before it is made, and one that finds no room is lost to its client. So a batch
//! begins with a few lines, of which there are only so many of all batches together, and goes on with as many as
//! there is room for if the next answers are as long as the longest recent one: what waits for the client and what is
//! expected are together at most [`BATCH_ANSWERS_BYTES`], and what all batches expect of long ones at most
//! [`LONG_ANSWERS_BYTES`]. A batch whose answers are short soon has all the lines in work that it may have; one whose
//! answers are long has few, and others come in between. A batch that finds nothing left of the common part waits for
//! [`LEAVE_WAIT`], and then goes on with one line at a time: nobody is kept out by what others hold.

use super::lines::GROUP_MESSAGES_MAX;
use crate::{Bytes, Refusal, Replied, SMALL_BYTES};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes of answers of one batch that are expected, or made and not taken by its client. (One longer answer comes
/// alone.)
pub(crate) const BATCH_ANSWERS_BYTES: usize = 4 << 20;

/// Lines of one batch in work before the first of its answers is known.
const FIRST_LINES: usize = 32;

/// The same, of all batches of a listener together.
const FIRST_LINES_OF_ALL: usize = 64;

/// After each group's answers so many times as many lines may be in work.
const GROWTH: usize = 8;

/// Groups of messages that wait for their answers at once, of one batch.
pub(super) const GROUPS_MAX: usize = 8;

/// Lines of one batch in work at the most.
const LINES_MAX: usize = GROUPS_MAX * GROUP_MESSAGES_MAX;

/// The least that an answer counts, in bytes: its line takes some room too.
const ANSWER_BYTES_MIN: usize = 256;

/// Bytes of long answers that all batches of a listener together may expect: a newcomer waits for no more.
const LONG_ANSWERS_BYTES: usize = 16 << 20;

/// Longest wait for what all batches share, before a line goes without it.
const LEAVE_WAIT: Duration = Duration::from_millis(250);

/// The lines of all batches of a listener that are ahead of their answers.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    /// Places of lines whose answers nobody can foresee.
    first: Arc<Semaphore>,
    /// Bytes of long answers.
    long: Arc<Semaphore>,
}

/// Leave to hand over so many lines, until they are answered.
#[derive(Debug)]
pub(super) struct Leave {
    pub(super) lines: usize,
    /// Permits for each line.
    each: u32,
    of_all: Option<OwnedSemaphorePermit>,
}

/// How fast a batch goes.
#[derive(Debug)]
pub(super) struct Pace {
    ahead: Ahead,
    /// There was no leave for more lines before some are answered.
    is_held: bool,
    /// How long the next answers are expected to be, in bytes; `None` before there was one.
    expected: Option<usize>,
    /// Lines that may be in work, however short their answers.
    lines_max: usize,
    /// Lines in work.
    lines: usize,
    unread: Arc<Unread>,
}

/// Bytes that were given to the connection and not taken by the client.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: AtomicUsize,
    freed: Notify,
}

/// A piece of answers, until the client has taken it.
struct Counted {
    piece: Bytes,
    unread: Arc<Unread>,
}

impl Ahead {
    pub(crate) fn new() -> Self {
        Self {
            first: Arc::new(Semaphore::new(FIRST_LINES_OF_ALL)),
            long: Arc::new(Semaphore::new(LONG_ANSWERS_BYTES)),
        }
    }
}

/// Takes so many permits for each line, for one line at least and for so many at most. `None` if there are none now and
/// nobody is to wait.
async fn take(of: &Arc<Semaphore>, each: usize, lines: usize, waits: bool) -> Option<Leave> {
    let each = u32::try_from(each).unwrap_or(u32::MAX);
    let mut taken = match of.clone().try_acquire_many_owned(each) {
        Ok(taken) => taken,
        Err(_) if !waits => return None,
        Err(_) => {
            let first = of.clone().acquire_many_owned(each);
            match tokio::time::timeout(LEAVE_WAIT, first).await {
                // It is never closed.
                Ok(taken) => taken.ok()?,
                Err(_) => return Some(Leave::without(1)),
            }
        }
    };
    let mut count = 1;
    while count < lines
        && let Ok(more) = of.clone().try_acquire_many_owned(each)
    {
        taken.merge(more);
        count += 1;
    }
    Some(Leave {
        lines: count,
        each,
        of_all: Some(taken),
    })
}

impl Leave {
    /// Of nothing that others share.
    fn without(lines: usize) -> Self {
        Self {
            lines,
            each: 0,
            of_all: None,
        }
    }

    /// For no more than so many lines: what was taken for others is given back.
    pub(super) fn only(mut self, lines: usize) -> Self {
        self.lines = self.lines.min(lines);
        let kept = self.lines * self.each as usize;
        if let Some(taken) = &mut self.of_all {
            // A dropped permit goes back to what all batches share.
            drop(taken.split(taken.num_permits().saturating_sub(kept)));
        }
        self
    }
}

impl Pace {
    pub(super) fn new(ahead: Ahead) -> Self {
        Self {
            ahead,
            is_held: false,
            expected: None,
            lines_max: FIRST_LINES,
            lines: 0,
            unread: Arc::default(),
        }
    }

    /// Leave for the next lines, as many as [`Pace::lines_left`] at the most. Waits for others only while no line is in
    /// work; else `None`, and there is none before some are answered.
    pub(super) async fn leave(&mut self) -> Option<Leave> {
        let lines = self.lines_left();
        let waits = self.lines == 0;
        let leave = match self.expected {
            None => take(&self.ahead.first, 1, lines, waits).await,
            Some(bytes) if bytes > SMALL_BYTES => {
                let each = bytes.min(LONG_ANSWERS_BYTES);
                take(&self.ahead.long, each, lines, waits).await
            }
            Some(_) => Some(Leave::without(lines)),
        };
        self.is_held = leave.is_none();
        leave
    }

    /// How many lines may be handed over now.
    pub(super) fn lines_left(&self) -> usize {
        if self.is_held {
            return 0;
        }
        let by_count = self.lines_max.saturating_sub(self.lines);
        let Some(expected) = self.expected else {
            return by_count;
        };
        let unread = self.unread.bytes.load(Acquire);
        if self.lines == 0 && unread == 0 {
            return by_count.min((BATCH_ANSWERS_BYTES / expected).max(1));
        }
        let left = BATCH_ANSWERS_BYTES.saturating_sub(unread) / expected;
        by_count.min(left.saturating_sub(self.lines))
    }

    /// So many lines were handed over.
    pub(super) fn hand_over(&mut self, lines: usize) {
        self.lines += lines;
    }

    /// The answers of so many of these have come.
    pub(super) fn answered(&mut self, lines: usize, answers: &[Result<Replied, Refusal>]) {
        self.lines -= lines.min(self.lines);
        self.is_held = false;
        // Of lines that were all refused at the door nothing is learned.
        if answers.is_empty() {
            return;
        }
        let bytes = |answer: &Result<Replied, Refusal>| match answer {
            Ok(replied) => replied.body.len(),
            Err(refusal) => refusal.why.detail.len() + refusal.why.next.len(),
        };
        let longest = answers.iter().map(bytes).max().unwrap_or(0);
        let before = self.expected.unwrap_or(0) / 2;
        self.expected = Some(longest.max(before).max(ANSWER_BYTES_MIN));
        self.lines_max = (self.lines_max * GROWTH).min(LINES_MAX);
    }

    /// The bytes that its client has not taken yet.
    pub(super) fn unread(&self) -> Arc<Unread> {
        self.unread.clone()
    }
}

impl Unread {
    /// Counts a piece for as long as anybody holds it.
    pub(super) fn count(self: &Arc<Self>, piece: Bytes) -> Bytes {
        self.bytes.fetch_add(piece.len(), AcqRel);
        let unread = self.clone();
        Bytes::from_owner(Counted { piece, unread })
    }

    /// Waits until the client has taken something since this was called last.
    pub(super) async fn taken(&self) {
        self.freed.notified().await;
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.unread.bytes.fetch_sub(self.piece.len(), AcqRel);
        self.unread.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{Generation, Height};
    use std::time::Duration;

    const WAIT: Duration = Duration::from_secs(5);
    const SHORT_WAIT: Duration = Duration::from_millis(20);

    fn answers(bytes: usize, count: usize) -> Vec<Result<Replied, Refusal>> {
        let replied = Replied {
            body: vec![b'1'; bytes].into(),
            height: Height(1),
            generation: Generation(1),
            repeated: false,
        };
        vec![Ok(replied); count]
    }

    /// Hands over as many as it may, and has them answered.
    async fn round(pace: &mut Pace, bytes: usize) -> usize {
        let leave = pace.leave().await.unwrap();
        let lines = leave.lines;
        pace.hand_over(lines);
        pace.answered(lines, &answers(bytes, lines.min(1)));
        lines
    }

    async fn rounds<const N: usize>(pace: &mut Pace, bytes: usize) -> [usize; N] {
        let mut all = [0; N];
        for lines in &mut all {
            *lines = round(pace, bytes).await;
        }
        all
    }

    #[tokio::test]
    async fn it_begins_with_few_lines_and_goes_on_as_its_answers_are_long() {
        let mut pace = Pace::new(Ahead::new());
        assert_eq!(
            rounds(&mut pace, 10).await,
            [FIRST_LINES, 256, 2_048, LINES_MAX, LINES_MAX]
        );
        // One group of long ones came unforeseen; then there are as many as there is room for.
        round(&mut pace, 1_000_000).await;
        assert_eq!(round(&mut pace, 1_000_000).await, 4);
        // Longer than all that it may have, and than all may have: one at a time.
        round(&mut pace, 50 << 20).await;
        assert_eq!(round(&mut pace, 5 << 20).await, 1);
        // It forgets them soon.
        round(&mut pace, 1 << 20).await;
        round(&mut pace, 1 << 20).await;
        round(&mut pace, 1 << 20).await;
        round(&mut pace, 1 << 20).await;
        assert_eq!(rounds(&mut pace, 10).await, [2, 5, 10, 20]);
    }

    #[tokio::test]
    async fn what_the_client_has_not_taken_is_counted_until_it_has() {
        let mut pace = Pace::new(Ahead::new());
        round(&mut pace, 1 << 20).await;
        assert_eq!(pace.lines_left(), 4);
        let unread = pace.unread();
        let pieces: Vec<_> = (0..3)
            .map(|_| unread.count(vec![1; 1 << 20].into()))
            .collect();
        assert_eq!(pace.lines_left(), 1);
        let more = unread.count(vec![1; 1].into());
        assert_eq!(pace.lines_left(), 0);
        drop(more);
        let taken = tokio::time::timeout(WAIT, unread.taken()).await;
        taken.unwrap();
        drop(pieces);
        assert_eq!(pace.lines_left(), 4);
    }

    #[tokio::test]
    async fn all_that_begin_have_so_many_lines_together_and_the_next_one_waits() {
        let ahead = Ahead::new();
        let mut begun = Vec::new();
        for _ in 0..FIRST_LINES_OF_ALL / FIRST_LINES {
            let mut pace = Pace::new(ahead.clone());
            let leave = pace.leave().await.unwrap();
            assert_eq!(leave.lines, FIRST_LINES);
            begun.push(leave);
        }
        // It goes on, a line at a time, if the others take long.
        let mut next = Pace::new(ahead);
        let waits = tokio::time::timeout(SHORT_WAIT, next.leave()).await;
        assert!(waits.is_err());
        assert_eq!(next.leave().await.unwrap().lines, 1);
        begun.pop();
        assert_eq!(next.leave().await.unwrap().lines, FIRST_LINES);
    }

    #[tokio::test]
    async fn what_was_taken_for_lines_that_do_not_come_is_given_back() {
        let ahead = Ahead::new();
        let mut pace = Pace::new(ahead.clone());
        round(&mut pace, 1 << 20).await;
        let leave = pace.leave().await.unwrap();
        assert_eq!(leave.lines, 4);
        let left = LONG_ANSWERS_BYTES - (4 << 20);
        assert_eq!(ahead.long.available_permits(), left);
        let leave = leave.only(1);
        assert_eq!(leave.lines, 1);
        assert_eq!(ahead.long.available_permits(), left + (3 << 20));
        drop(leave);
        assert_eq!(ahead.long.available_permits(), LONG_ANSWERS_BYTES);
    }

    #[tokio::test]
    async fn lines_that_are_all_refused_at_the_door_let_no_more_of_them_ahead() {
        let mut pace = Pace::new(Ahead::new());
        for _ in 0..5 {
            pace.answered(0, &[]);
        }
        assert_eq!(pace.leave().await.unwrap().lines, FIRST_LINES);
    }

    #[tokio::test]
    async fn all_that_expect_long_answers_have_so_many_bytes_together_and_who_has_lines_in_work_waits_for_none()
     {
        let ahead = Ahead::new();
        let (mut held, mut paces) = (Vec::new(), Vec::new());
        for number in 0..5 {
            let mut pace = Pace::new(ahead.clone());
            round(&mut pace, 1 << 20).await;
            if number < 4 {
                let leave = pace.leave().await.unwrap();
                assert_eq!(leave.lines, 4);
                pace.hand_over(1);
                held.push(leave);
            }
            paces.push(pace);
        }
        // One has lines in work already: it is woken, and tries again when they are answered.
        assert!(paces[0].leave().await.is_none());
        assert_eq!(paces[0].lines_left(), 0);
        paces[0].answered(1, &answers(1 << 20, 1));
        assert_eq!(paces[0].lines_left(), 4);
        // One has none: it waits.
        let waits = tokio::time::timeout(SHORT_WAIT, paces[4].leave()).await;
        assert!(waits.is_err());
        held.pop();
        assert_eq!(paces[4].leave().await.unwrap().lines, 4);
    }
}
