//! [`Address`]: how a test names an engine.

use refit_abi::EngineId;

/// An engine, by its root name or by its id.
pub trait Address {
    /// Its id.
    ///
    /// # Panics
    /// If the text is no name of an engine.
    fn id(&self) -> EngineId;
}

impl Address for EngineId {
    fn id(&self) -> EngineId {
        *self
    }
}

impl Address for &str {
    #[track_caller]
    fn id(&self) -> EngineId {
        match self.parse() {
            Ok(id) => id,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Address for String {
    #[track_caller]
    fn id(&self) -> EngineId {
        self.as_str().id()
    }
}

impl<A: Address> Address for &A {
    #[track_caller]
    fn id(&self) -> EngineId {
        (**self).id()
    }
}
