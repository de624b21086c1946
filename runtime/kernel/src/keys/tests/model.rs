//! The table of keys against a naive model that searches lists from end to end.

use super::super::{
    Admitted, At, Key, KeyBounds, KeyRefusal, Keys, NameImage, RequestDigest, Share,
};
use super::{KEPT, Outcome, at, key, refused, request};
use crate::limits::KEY_OVERHEAD_BYTES;
use crate::reply::error::ReplyError;
use proptest::prelude::*;
use refit_abi::{ClientId, Fault, Height, Undelivered};
use std::collections::BTreeSet;

/// The same rules with no index.
struct Model {
    limits: KeyBounds,
    names: Vec<ModelName>,
}

#[derive(Clone)]
struct ModelName {
    id: ClientId,
    share: Share,
    last: u64,
    floor: Option<u64>,
    taken: Vec<(u64, RequestDigest)>,
    answered: Vec<(u64, RequestDigest, At, Outcome)>,
}

impl ModelName {
    fn bytes(&self) -> usize {
        let bytes = |outcome: &Outcome| outcome.as_ref().map_or(4, Vec::len);
        let answered = self.answered.iter();
        answered
            .map(|(.., outcome)| KEY_OVERHEAD_BYTES + bytes(outcome))
            .sum()
    }

    fn forget_lowest(&mut self) {
        self.answered.sort_by_key(|answered| answered.0);
        self.floor = self.floor.max(Some(self.answered.remove(0).0));
    }
}

impl Model {
    fn bytes(&self) -> usize {
        self.names.iter().map(ModelName::bytes).sum()
    }

    fn find(&mut self, id: ClientId) -> Option<&mut ModelName> {
        self.names.iter_mut().find(|name| name.id == id)
    }

    fn admit(&mut self, key: Key, share: Share, request: RequestDigest, now: u64) -> Admitted {
        let waiting = self.limits.waiting;
        if let Some(name) = self.find(key.client) {
            let last = std::mem::replace(&mut name.last, now);
            let used = |of: &RequestDigest| *of != request;
            if let Some((_, of)) = name.taken.iter().find(|taken| taken.0 == key.sequence) {
                return match used(of) {
                    true => Admitted::Refused(KeyRefusal::Used),
                    false => Admitted::Waits,
                };
            }
            let mut answered = name.answered.iter();
            if let Some((_, of, at, outcome)) = answered.find(|it| it.0 == key.sequence) {
                return match used(of) {
                    true => Admitted::Refused(KeyRefusal::Used),
                    false => Admitted::Again(*at, outcome.clone()),
                };
            }
            if name.floor.is_some_and(|floor| key.sequence <= floor) {
                return Admitted::Refused(KeyRefusal::Forgotten);
            }
            if name.taken.len() == waiting {
                name.last = last;
                return Admitted::Refused(KeyRefusal::Waiting);
            }
        } else if let Some(refusal) = self.no_place(share, now) {
            return Admitted::Refused(refusal);
        }
        if self.find(key.client).is_none() {
            self.names.push(ModelName {
                id: key.client,
                share,
                last: now,
                floor: None,
                taken: Vec::new(),
                answered: Vec::new(),
            });
        }
        let name = self.find(key.client).unwrap();
        name.taken.push((key.sequence, request));
        Admitted::Deliver
    }

    /// Why no new name of a share is taken in; forgets the oldest while that makes the room.
    fn no_place(&mut self, share: Share, now: u64) -> Option<KeyRefusal> {
        loop {
            let held = self.names.iter().filter(|name| name.share == share).count();
            let others = self.names.iter().map(|name| name.share);
            let shares: BTreeSet<_> = others.chain([share]).collect();
            let part = self.limits.names / (shares.len() + 1);
            if held < part.max(1) && held < self.limits.names - self.names.len() {
                return None;
            }
            self.names.sort_by_key(|name| (name.last, name.id));
            let oldest = &mut self.names[0];
            if now <= oldest.last + KEPT {
                let until = Height(oldest.last + KEPT + 1);
                return Some(match held {
                    0 => KeyRefusal::NoPlace { until },
                    held => KeyRefusal::ShareFull { held, until },
                });
            }
            match oldest.taken.is_empty() {
                true => drop(self.names.remove(0)),
                false => oldest.last = now,
            }
        }
    }

    fn settle(&mut self, key: Key, outcome: &Outcome, now: u64) {
        let limits = self.limits;
        let name = self.find(key.client).unwrap();
        let place = name.taken.iter().position(|taken| taken.0 == key.sequence);
        let (sequence, request) = name.taken.remove(place.unwrap());
        if matches!(outcome, Err(ReplyError::Undelivered { .. })) {
            let blank = |name: &ModelName| {
                name.taken.is_empty() && name.answered.is_empty() && name.floor.is_none()
            };
            self.names.retain(|name| !blank(name));
            return;
        }
        name.last = now;
        name.answered
            .push((sequence, request, at(now), outcome.clone()));
        while name.answered.len() > limits.answered || name.bytes() > limits.bytes_per_name {
            name.forget_lowest();
        }
        while self.bytes() > limits.bytes {
            let size = |name: &&mut ModelName| (name.bytes().checked_ilog2(), name.id);
            let largest = self.names.iter_mut().max_by_key(size);
            largest.unwrap().forget_lowest();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send {
        key: Key,
        share: u16,
        request: u8,
        blocks: u64,
    },
    Settle {
        which: usize,
        outcome: Outcome,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => (0_usize..300).prop_map(|bytes| Ok(vec![0; bytes])),
        1 => Just(Err(ReplyError::Fault(Fault::new("no", "no")))),
        2 => Just(refused(Undelivered::Full)),
    ];
    let send = (0_u8..9, 0_u64..9, 0_u16..3, 0_u8..2, 0_u64..3).prop_map(
        |(client, sequence, share, request, blocks)| Step::Send {
            key: key(client, sequence),
            share,
            request,
            blocks,
        },
    );
    let settle = (any::<usize>(), outcome);
    prop_oneof![
        3 => send,
        2 => settle.prop_map(|(which, outcome)| Step::Settle { which, outcome }),
    ]
}

fn any_limits() -> impl Strategy<Value = KeyBounds> {
    let sizes = (300_usize..900, 300_usize..2_500);
    (1_usize..9, 1_usize..4, 1_usize..5, sizes).prop_map(|(names, waiting, answered, sizes)| {
        KeyBounds {
            names,
            name_blocks: KEPT,
            waiting,
            answered,
            bytes_per_name: sizes.0,
            bytes: sizes.1,
            reply_bytes: 1_000,
        }
    })
}

proptest! {
    #[test]
    fn whatever_comes_the_answers_are_those_of_the_naive_model_also_after_an_image(
        limits in any_limits(),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut keys = Keys::new(limits);
        let mut model = Model { limits, names: Vec::new() };
        let (mut height, mut waiting) = (1, Vec::new());
        for step in steps {
            match step {
                Step::Send { key, share, request: number, blocks } => {
                    let share = Share(share);
                    height += blocks;
                    let admitted = keys.admit(key, share, request(number), Height(height));
                    prop_assert_eq!(&admitted, &model.admit(key, share, request(number), height));
                    if admitted == Admitted::Deliver {
                        waiting.push(key);
                    }
                }
                Step::Settle { which, outcome } if !waiting.is_empty() => {
                    let key = waiting.swap_remove(which % waiting.len());
                    prop_assert!(keys.settle(key, &outcome, at(height)).is_some());
                    model.settle(key, &outcome, height);
                }
                Step::Settle { .. } => {}
            }
            prop_assert_eq!(keys.bytes, model.bytes());
            prop_assert_eq!(keys.names.len(), model.names.len());
            prop_assert!(keys.bytes <= limits.bytes && keys.names.len() <= limits.names);
            prop_assert_eq!(keys.by_age.len(), keys.names.len());
            let shares: BTreeSet<_> = model.names.iter().map(|name| name.share).collect();
            prop_assert_eq!(keys.held.totals(), (model.names.len(), shares.len()));
            let bytes = postcard::to_allocvec(&keys.images().collect::<Vec<_>>()).unwrap();
            let mut copy = Keys::new(limits);
            let images: Vec<NameImage> = postcard::from_bytes(&bytes).unwrap();
            images.into_iter().for_each(|name| copy.put_back(name));
            prop_assert!(copy.images().eq(keys.images()));
            prop_assert_eq!((&copy.by_age, &copy.by_size), (&keys.by_age, &keys.by_size));
            keys = copy;
        }
    }
}
