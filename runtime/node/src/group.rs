//! [`Group`]: messages that were handed over together, and their answers, each at its place.
//!
//! One channel and one wake-up for many messages: each [`Slot`] puts its answer down, and the last one tells. An answer
//! takes its part of the room for answers as it is put down: whoever waits for the group may be long in looking.

use crate::asking::hold;
use crate::limits::REPLY_WAIT_MAX;
use parking_lot::Mutex;
use refit_admin::{Refusal, Replied, Room};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// What becomes of one message.
pub(crate) type Outcome = Result<Replied, Refusal>;

/// The answers as they come in.
struct Answers {
    placed: Vec<Option<Outcome>>,
    /// For the large ones among them.
    room: Room,
    /// Slots that have neither answered nor gone.
    left: usize,
    /// Told when none is left.
    done: Option<oneshot::Sender<()>>,
    /// The places of all at the door, until all have their answers: whoever waits for them may itself wait for places.
    places: Option<OwnedSemaphorePermit>,
}

/// One message's place.
pub(crate) struct Slot {
    /// Until it has answered.
    answers: Option<Arc<Mutex<Answers>>>,
    place: usize,
}

/// Whoever waits for all of them.
pub(crate) struct Group {
    answers: Arc<Mutex<Answers>>,
    done: oneshot::Receiver<()>,
}

impl Group {
    /// A group of so many, which holds its places at the door, and the slot of each.
    pub(crate) fn new(
        messages: usize,
        places: OwnedSemaphorePermit,
        room: Room,
    ) -> (Self, Vec<Slot>) {
        let (tell, done) = oneshot::channel();
        let answers = Arc::new(Mutex::new(Answers {
            placed: (0..messages).map(|_| None).collect(),
            room,
            left: messages,
            // A group of none has all its answers: nobody would tell.
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

    /// The answers, when all are there or their time is over. `None` where there is none; the second is whether that
    /// is because of the time.
    pub(crate) async fn answers(self) -> (Vec<Option<Outcome>>, bool) {
        let is_late = tokio::time::timeout(REPLY_WAIT_MAX, self.done)
            .await
            .is_err();
        let placed = std::mem::take(&mut self.answers.lock().placed);
        (placed, is_late)
    }
}

impl Slot {
    /// Puts the answer down.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        if let Some(answers) = self.answers.take() {
            let mut answers = answers.lock();
            let outcome = outcome.and_then(|replied| hold(&answers.room, replied));
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
            // Whoever waited may be gone.
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{Generation, Height};
    use refit_admin::Bytes;
    use tokio::sync::Semaphore;

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
        let door = Arc::new(Semaphore::new(3));
        let places = door.clone().try_acquire_many_owned(3).unwrap();
        let (group, slots) = Group::new(3, places, Room::new(0));
        let [first, second, third] = <[Slot; 3]>::try_from(slots).ok().unwrap();
        third.answer(replied("3"));
        drop(second);
        let waiting = tokio::spawn(group.answers());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.answer(replied("1"));
        assert_eq!(door.available_permits(), 3);
        let (answers, is_late) = waiting.await.unwrap();
        assert_eq!(answers, [Some(replied("1")), None, Some(replied("3"))]);
        assert!(!is_late);
    }

    #[tokio::test]
    async fn large_answers_that_nobody_has_looked_at_yet_take_the_room_for_answers() {
        const LARGE: usize = 1 << 20;
        let large = || {
            let body = Bytes::from(vec![b'x'; LARGE]);
            replied("").map(|replied| Replied { body, ..replied })
        };
        let door = Arc::new(Semaphore::new(2));
        let places = door.clone().try_acquire_many_owned(2).unwrap();
        let room = Room::new(LARGE + LARGE / 2);
        let (group, slots) = Group::new(2, places, room.clone());
        let [first, second] = <[Slot; 2]>::try_from(slots).ok().unwrap();
        first.answer(large());
        second.answer(large());
        assert!(
            room.take(LARGE).is_err(),
            "it is taken before anybody looks"
        );
        let (answers, _) = group.answers().await;
        let [Some(Ok(kept)), Some(Err(refused))] = &answers[..] else {
            panic!("{} answers", answers.len());
        };
        assert_eq!((kept.body.len(), &*refused.code), (LARGE, "answers-full"));
        drop(answers);
        assert!(room.take(LARGE).is_ok(), "it is given back");
    }

    #[tokio::test]
    async fn a_group_of_none_waits_for_nobody_and_holds_no_place() {
        let door = Arc::new(Semaphore::new(1));
        let places = door.clone().try_acquire_many_owned(0).unwrap();
        let (group, slots) = Group::new(0, places, Room::new(0));
        assert!(slots.is_empty());
        let (answers, is_late) = group.answers().await;
        assert_eq!((answers.len(), is_late), (0, false));
    }
}
