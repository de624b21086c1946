//! [`KeysImage`]: the keys of an executor as plain data.

use super::Keys;
use super::name::Name;
use refit_abi::ClientId;
use serde::{Deserialize, Serialize};

/// Which requests of clients wait, which were answered, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysImage {
    /// In the order of their ids.
    names: Vec<NameImage>,
}

/// The keys of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameImage {
    client: ClientId,
    name: Name,
}

impl NameImage {
    /// Bytes of all that is kept of them.
    pub(crate) fn bytes(&self) -> usize {
        self.name.bytes()
    }
}

impl KeysImage {
    pub(crate) fn put(&mut self, name: NameImage) {
        self.names.push(name);
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &NameImage> {
        self.names.iter()
    }
}

impl Keys {
    /// Each client's, in the order of their ids.
    pub(crate) fn images(&self) -> impl Iterator<Item = NameImage> + '_ {
        let names = self.names.iter();
        names.map(|(client, name)| NameImage {
            client: *client,
            name: name.clone(),
        })
    }

    /// Takes one client's keys that are not there yet.
    pub(crate) fn put_back(&mut self, NameImage { client, name }: NameImage) {
        let name = name.counted();
        self.by_age.insert((name.last, client));
        self.held.one_more(name.share);
        self.by_size.extend(name.size().map(|size| (size, client)));
        self.bytes += name.bytes();
        self.names.insert(client, name);
    }
}
