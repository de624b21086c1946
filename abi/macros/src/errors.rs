//! [`Errors`]: gathers errors, so that one compilation shows an author all of them.

use quote::ToTokens;

/// The errors found so far in one derive.
#[derive(Default)]
pub(crate) struct Errors {
    combined: Option<syn::Error>,
}

impl Errors {
    /// Adds an error that is shown under `place`.
    pub(crate) fn refuse(&mut self, place: impl ToTokens, sentence: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(place, sentence));
    }

    /// Adds an error.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.combined {
            Some(combined) => combined.combine(error),
            None => self.combined = Some(error),
        }
    }

    /// The value, or the error if there is one.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// All errors as one.
    ///
    /// # Errors
    /// If any was added.
    pub(crate) fn finish(self) -> syn::Result<()> {
        self.combined.map_or(Ok(()), Err)
    }
}
