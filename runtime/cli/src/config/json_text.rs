//! [`JsonText`]: a table of the configuration file, written as JSON while it is read, so that every
//! number comes out as it went in.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How toml's reader marks a date: a table with one such key.
const DATE: &str = "$__toml_private_datetime";

/// A JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonText(String);

impl JsonText {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut text = String::new();
        from.deserialize_map(Writer(&mut text))?;
        match text.starts_with('{') {
            true => Ok(Self(text)),
            false => Err(D::Error::custom("a configuration is a table")),
        }
    }
}

/// Writes the value that it visits.
struct Writer<'a>(&'a mut String);

impl Writer<'_> {
    fn put<E: Error>(self, value: &(impl Serialize + ?Sized)) -> Result<(), E> {
        *self.0 += &serde_json::to_string(value).map_err(E::custom)?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can say")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.put(&truth)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.put(&number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.put(&number)
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<(), E> {
        self.put(&number)
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<(), E> {
        self.put(&number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if !number.is_finite() {
            return Err(E::custom(
                "JSON has no number that is not finite; write it as a string",
            ));
        }
        self.put(&number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.put(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(text) = self;
        text.push('[');
        let start = text.len();
        loop {
            let before = text.len();
            if before > start {
                text.push(',');
            }
            if items.next_element_seed(Writer(text))?.is_none() {
                text.truncate(before);
                break;
            }
        }
        text.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self(text) = self;
        text.push('{');
        let start = text.len();
        while let Some(key) = entries.next_key::<String>()? {
            if key == DATE {
                return Err(A::Error::custom("JSON has no date; write it as a string"));
            }
            if text.len() > start {
                text.push(',');
            }
            Writer(text).put(&key)?;
            text.push(':');
            entries.next_value_seed(Writer(text))?;
        }
        text.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::JsonText;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct File {
        config: JsonText,
    }

    fn read(text: &str) -> Result<String, toml::de::Error> {
        toml::from_str::<File>(text).map(|file| file.config.as_str().to_owned())
    }

    #[test]
    fn a_table_becomes_a_json_object_and_its_numbers_keep_their_value() {
        let text = "[config]\na = [1, 2.5, 'x\"y', []]\nb = { c = true }\nd = {}";
        assert_eq!(
            read(text).unwrap(),
            r#"{"a":[1,2.5,"x\"y",[]],"b":{"c":true},"d":{}}"#
        );
        let large = format!("config = {{ a = {}, b = {} }}", u128::MAX, i128::MIN);
        let json = format!(r#"{{"a":{},"b":{}}}"#, u128::MAX, i128::MIN);
        assert_eq!(read(&large).unwrap(), json);
        assert_eq!(
            read("config = { x = 0xffffffffffffffff }").unwrap(),
            r#"{"x":18446744073709551615}"#
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused_where_it_stands() {
        for (value, says) in [("[1, inf]", "not finite"), ("2026-01-01", "no date")] {
            let error = read(&format!("config = {{ a = {{ b = {value} }} }}")).unwrap_err();
            assert!(error.message().contains(says), "{error}");
            assert!(error.span().is_some(), "{error}");
        }
        assert!(read("config = 3").is_err());
    }
}
