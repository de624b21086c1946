//! Converts values between a test and an engine: JSON as a client writes it, postcard as states are kept.

use refit_abi::State;
use refit_abi::schema::{Describer, Type};

/// `value` as a client writes it.
#[track_caller]
pub(crate) fn to_json<T: State>(value: &T) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("{} cannot be written as JSON: {error}", name::<T>()),
    }
}

/// Reads JSON as a client does.
#[track_caller]
pub(crate) fn from_json<T: State>(bytes: &[u8]) -> T {
    match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => panic!(
            "`{}` is no {}: {error}",
            String::from_utf8_lossy(bytes),
            name::<T>()
        ),
    }
}

/// `value` as postcard.
#[track_caller]
pub(crate) fn to_postcard<T: State>(value: &T) -> Vec<u8> {
    match postcard::to_allocvec(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("{} cannot be written as postcard: {error}", name::<T>()),
    }
}

/// A whole value; bytes that follow it are an error.
pub(crate) fn from_postcard<T: State>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes follow the value", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// The author's name of the type, with its version.
pub(crate) fn name<T: State>() -> String {
    named(&T::describe(&mut Describer::default()))
}

/// As [`name`], for a described type.
pub(crate) fn named(ty: &Type) -> String {
    match ty {
        Type::Struct { name, version, .. } | Type::Enum { name, version, .. } => {
            format!("`{name}` (version {version})")
        }
        _ => "a value".to_owned(),
    }
}
