//! [`Window`]: what is kept by number of one client, in the order of the numbers.
//!
//! A client counts up, and what it sent first is mostly answered and forgotten first: so what comes is put at the end,
//! what goes is at the front, and both are found without a search. Numbers in any other order are found by halving and
//! moved into their position: at most half of what is there moves. Written down it is what a map is.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};

/// Places that are kept though they are empty.
const SPARE_PLACES: usize = 16;

/// Room is given back when it is so many times what is needed.
const SPARE_FACTOR: usize = 4;

/// Things by number, each number once, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window<T>(VecDeque<(u64, T)>);

impl<T> Window<T> {
    pub(super) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, kept)| kept)
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let position = self.position(number).ok()?;
        self.0.get(position).map(|(_, kept)| kept)
    }

    /// Puts something in; returns what had its number.
    pub(super) fn insert(&mut self, number: u64, kept: T) -> Option<T> {
        match self.position(number) {
            Ok(position) => {
                let there = self.0.get_mut(position)?;
                Some(std::mem::replace(&mut there.1, kept))
            }
            Err(position) if position == self.0.len() => {
                self.0.push_back((number, kept));
                None
            }
            Err(position) => {
                self.0.insert(position, (number, kept));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let gone = match self.position(number).ok()? {
            0 => self.0.pop_front(),
            position => self.0.remove(position),
        };
        self.give_back();
        gone.map(|(_, kept)| kept)
    }

    pub(super) fn pop_first(&mut self) -> Option<(u64, T)> {
        let first = self.0.pop_front();
        self.give_back();
        first
    }

    /// The position of a number, or else the position where it belongs.
    fn position(&self, number: u64) -> Result<usize, usize> {
        match (self.0.front(), self.0.back()) {
            (Some((first, _)), _) if *first == number => Ok(0),
            (_, Some((last, _))) if number <= *last => {
                self.0.binary_search_by_key(&number, |(number, _)| *number)
            }
            _ => Err(self.0.len()),
        }
    }

    /// Memory that was needed once is given back: there may be many clients.
    fn give_back(&mut self) {
        let needed = self.0.len().max(SPARE_PLACES);
        if self.0.capacity() > needed * SPARE_FACTOR {
            self.0.shrink_to(needed * 2);
        }
    }
}

impl<T: Serialize> Serialize for Window<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(number, kept)| (number, kept)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Window<T> {
    /// In whatever order they come: an image is not to be trusted.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = BTreeMap::deserialize(deserializer)?;
        Ok(Self(all.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_a_map_is(deeds in proptest::collection::vec((0..4_u8, 0..24_u64), 0..200)) {
            let (mut window, mut map) = (Window::new(), BTreeMap::new());
            for (step, (deed, number)) in deeds.into_iter().enumerate() {
                match deed {
                    0 | 1 => assert_eq!(window.insert(number, step), map.insert(number, step)),
                    2 => assert_eq!(window.remove(number), map.remove(&number)),
                    _ => assert_eq!(window.pop_first(), map.pop_first()),
                }
                assert_eq!(window.get(number), map.get(&number));
                assert!(window.values().eq(map.values()));
                assert_eq!((window.len(), window.is_empty()), (map.len(), map.is_empty()));
            }
            let bytes = postcard::to_allocvec(&window).unwrap();
            assert_eq!(&bytes, &postcard::to_allocvec(&map).unwrap());
            assert_eq!(postcard::from_bytes(&bytes), Ok(window));
        }
    }

    #[test]
    fn an_image_in_another_order_is_put_in_order() {
        let bytes = postcard::to_allocvec(&[(2_u64, 'b'), (1, 'a')].as_slice()).unwrap();
        let mut window: Window<char> = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(window.pop_first(), Some((1, 'a')));
        assert_eq!(window.pop_first(), Some((2, 'b')));
    }

    #[test]
    fn room_that_is_not_needed_any_more_is_given_back() {
        let mut window = Window::new();
        for number in 0..10_000 {
            window.insert(number, ());
        }
        while window.len() > 1 {
            window.pop_first();
        }
        assert!(window.0.capacity() <= SPARE_PLACES * SPARE_FACTOR);
    }
}
