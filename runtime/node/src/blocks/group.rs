//! [`Group`]: messages that were handed over together, and their answers, each at its place.
//!
//! One channel and one wake-up for many messages: each [`Slot`] puts its answer down, and the last one wakes the
//! owner. An answer takes its part of the room for answers as it is put down: the group's owner may be slow to look.
//! Small ones take theirs together, in steps.

use crate::answers::hold;
use crate::answers::refusals::reply_without_room;
use crate::blocks::intake::BatchPlaces;
use crate::limits::REPLY_WAIT_MAX;
use parking_lot::Mutex;
use refit_admin::{Moment, NoRoom, Part, Refusal, Replied, Room, SMALL_BYTES};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The room that the small answers of a group take at once, in bytes; the first [`SMALL_BYTES`] of them are free.
const SMALL_STEP_BYTES: usize = 64 << 10;

/// The outcome of one message.
pub(crate) type Outcome = Result<Replied, Refusal>;

/// The answers as they come in.
struct Answers {
    placed: Vec<Option<Outcome>>,
    room: Room,
    /// Bytes of the small ones among them, and their part of the room.
    small: usize,
    part: Part,
    /// Slots that have neither answered nor gone.
    left: usize,
    /// Told when none is left.
    done: Option<oneshot::Sender<()>>,
    /// The places of all messages at the door, until all have answers: the group's owner may itself wait for places.
    places: Option<BatchPlaces>,
}

/// One message's place.
pub(crate) struct Slot {
    /// Until it has answered.
    answers: Option<Arc<Mutex<Answers>>>,
    place: usize,
}

/// The outcomes of a whole group.
pub(crate) struct Gathered {
    /// `None` where there is no answer.
    pub(crate) placed: Vec<Option<Outcome>>,
    /// The part of the room that the small answers hold.
    pub(crate) part: Part,
    /// Whether some are missing because their time is over.
    pub(crate) is_late: bool,
}

/// The receiving end of a group: waits for all answers.
pub(crate) struct Group {
    answers: Arc<Mutex<Answers>>,
    done: oneshot::Receiver<()>,
}

impl Group {
    /// A group of so many, which holds its places at the door, and the slot of each.
    pub(crate) fn new(messages: usize, places: BatchPlaces, room: Room) -> (Self, Vec<Slot>) {
        let (tell, done) = oneshot::channel();
        let answers = Arc::new(Mutex::new(Answers {
            placed: (0..messages).map(|_| None).collect(),
            room,
            small: 0,
            part: Part::default(),
            left: messages,
            // An empty group has all its answers: no slot would wake its owner.
            done: (messages > 0).then_some(tell),
            places: (messages > 0).then_some(places),
        }));
        let slots = (0..messages).map(|place| Slot {
            answers: Some(answers.clone()),
            place,
        });
        let slots = slots.collect();
        (Self { answers, done }, slots)
    }

    /// The answers, when all are there or their time is over.
    pub(crate) async fn answers(self) -> Gathered {
        let is_late = tokio::time::timeout(REPLY_WAIT_MAX, self.done)
            .await
            .is_err();
        // What is there is given also when it is late: those that were handled have their answers.
        let mut answers = self.answers.lock();
        Gathered {
            placed: std::mem::take(&mut answers.placed),
            part: std::mem::take(&mut answers.part),
            is_late,
        }
    }
}

impl Slot {
    /// Puts the answer down.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        if let Some(answers) = self.answers.take() {
            let mut answers = answers.lock();
            // Here, on the driver's thread: an answer without room is dropped before the next one is made.
            let outcome = answers.hold(outcome);
            answers.end(self.place, Some(outcome));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(answers) = self.answers.take() {
            answers.lock().end(self.place, None);
        }
    }
}

impl Answers {
    /// An answer with its part of the room, or word that there is none. A refusal is short, but there may be many.
    fn hold(&mut self, outcome: Outcome) -> Outcome {
        let (bytes, at, repeated) = match &outcome {
            Ok(replied) => (replied.body.len(), Some(replied.moment()), replied.repeated),
            Err(refusal) => (refusal.why.detail.len(), refusal.moment, refusal.repeated),
        };
        match outcome {
            Ok(replied) if bytes > SMALL_BYTES => hold(&self.room, replied),
            outcome => self.hold_small(bytes).map_or_else(
                |no_room| Err(without_room(no_room, at, repeated)),
                |()| outcome,
            ),
        }
    }

    fn hold_small(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let small = self.small + bytes;
        if small > SMALL_BYTES + self.part.bytes() {
            // In steps: room is taken under a lock that all answers share, and small ones come by the thousand.
            self.part.add(self.room.take(SMALL_STEP_BYTES.max(bytes))?);
        }
        self.small = small;
        Ok(())
    }

    /// One slot has answered, or goes without.
    fn end(&mut self, place: usize, outcome: Option<Outcome>) {
        // If it comes too late the list is gone: nobody looks any more.
        if let Some(place) = self.placed.get_mut(place) {
            *place = outcome;
        }
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        self.places = None;
        if let Some(done) = self.done.take() {
            // The owner may be gone.
            let _ = done.send(());
        }
    }
}

fn without_room(no_room: NoRoom, at: Option<Moment>, repeated: bool) -> Refusal {
    Refusal {
        moment: at,
        repeated,
        ..reply_without_room(no_room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::intake::Door;
    use refit_abi::{Generation, Height};
    use refit_admin::Bytes;

    const MOMENT: Moment = Moment {
        height: Height(1),
        generation: Generation(1),
    };

    fn replied(body: &'static str) -> Outcome {
        Ok(Replied {
            body: Bytes::from_static(body.as_bytes()),
            height: Height(1),
            generation: Generation(1),
            repeated: false,
        })
    }

    #[tokio::test]
    async fn the_last_answer_or_the_last_that_goes_without_one_ends_the_wait_and_frees_the_places()
    {
        let door = Door::new();
        let places = door.enter_batch(3).await.unwrap();
        let (group, slots) = Group::new(3, places, Room::new(0));
        let [first, second, third] = <[Slot; 3]>::try_from(slots).ok().unwrap();
        third.answer(replied("3"));
        drop(second);
        let waiting = tokio::spawn(group.answers());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.answer(replied("1"));
        assert!(door.is_empty());
        let gathered = waiting.await.unwrap();
        let wanted = [Some(replied("1")), None, Some(replied("3"))];
        assert_eq!(gathered.placed, wanted);
        assert!(!gathered.is_late);
    }

    #[tokio::test]
    async fn large_answers_that_nobody_has_looked_at_yet_take_the_room_for_answers() {
        const LARGE: usize = 1 << 20;
        let large = || {
            let body = Bytes::from(vec![b'x'; LARGE]);
            replied("").map(|replied| Replied { body, ..replied })
        };
        let door = Door::new();
        let places = door.enter_batch(2).await.unwrap();
        let room = Room::new(LARGE + LARGE / 2);
        let (group, slots) = Group::new(2, places, room.clone());
        let [first, second] = <[Slot; 2]>::try_from(slots).ok().unwrap();
        first.answer(large());
        second.answer(large());
        assert!(
            room.take(LARGE).is_err(),
            "it is taken before anybody looks"
        );
        let answers = group.answers().await.placed;
        let [Some(Ok(kept)), Some(Err(refused))] = &answers[..] else {
            panic!("{} answers", answers.len());
        };
        assert_eq!(
            (kept.body.len(), &*refused.why.code),
            (LARGE, "answers-full")
        );
        drop(answers);
        assert!(room.take(LARGE).is_ok(), "it is given back");
    }

    #[tokio::test]
    async fn a_group_of_none_waits_for_nobody_and_holds_no_place() {
        let door = Door::new();
        let places = door.enter_batch(0).await.unwrap();
        let (group, slots) = Group::new(0, places, Room::new(0));
        assert!(slots.is_empty());
        let gathered = group.answers().await;
        assert_eq!((gathered.placed.len(), gathered.is_late), (0, false));
    }

    #[tokio::test]
    async fn small_answers_take_the_room_together() {
        const SMALL: usize = 8 << 10;
        const COUNT: usize = 100;
        let small = || {
            let body = Bytes::from(vec![b'x'; SMALL]);
            replied("").map(|replied| Replied { body, ..replied })
        };
        let room = Room::new(5 * SMALL_STEP_BYTES);
        let places = Door::new().enter_batch(COUNT as u32).await.unwrap();
        let (group, slots) = Group::new(COUNT, places, room.clone());
        for slot in slots {
            slot.answer(small());
        }
        let gathered = group.answers().await;
        let held = gathered.placed.iter().flatten();
        let held = held.filter(|answer| answer.is_ok()).count();
        assert_eq!(held, (SMALL_BYTES + 5 * SMALL_STEP_BYTES) / SMALL);
        let [.., Some(Err(refused))] = &gathered.placed[..] else {
            panic!("{} answers", gathered.placed.len());
        };
        assert_eq!(
            (&*refused.why.code, refused.moment),
            ("answers-full", Some(MOMENT))
        );
        assert!(room.take(SMALL_STEP_BYTES).is_err());
        drop(gathered);
        assert!(room.take(5 * SMALL_STEP_BYTES).is_ok(), "it is given back");
    }
}
