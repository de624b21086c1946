//! [`KeysImage`]: the keys of an executor as plain data.

use super::name::Name;
use super::{KeyBounds, Keys};
use refit_abi::ClientId;
use serde::{Deserialize, Serialize};

/// Which requests of clients wait, which were answered, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysImage {
    /// In the order of their ids.
    names: Vec<(ClientId, Name)>,
}

impl KeysImage {
    /// Bytes of all that is kept of them.
    pub(crate) fn bytes(&self) -> usize {
        self.names.iter().map(|(_, name)| name.bytes()).sum()
    }
}

impl Keys {
    pub(crate) fn image(&self) -> KeysImage {
        let names = self.names.iter();
        KeysImage {
            names: names.map(|(id, name)| (*id, name.clone())).collect(),
        }
    }

    pub(crate) fn from_image(image: &KeysImage, limits: KeyBounds) -> Self {
        let mut keys = Self::new(limits);
        for (id, name) in &image.names {
            let name = name.clone().counted();
            keys.by_age.insert((name.last, *id));
            keys.by_size.extend(name.size().map(|size| (size, *id)));
            keys.bytes += name.bytes();
            keys.names.insert(*id, name);
        }
        keys
    }
}
