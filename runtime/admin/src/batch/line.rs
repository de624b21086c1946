//! One line of a batch: a message for an engine, maybe under a key.
//!
//! ```text
//! {"engine": "kv", "key": "ada/17", "message": {"put": {"key": "a", "value": "1"}}}
//! ```

use crate::{Refusal, RequestId, Sent};
use refit_abi::EngineId;
use serde::de::IgnoredAny;

/// What a line is refused with that has another form.
const FORM: &str = "write a line such as {\"engine\":\"kv\",\"key\":\"ada/17\",\"message\":{…}}; the key may be left out";

/// The message of a line, which holds no line break.
///
/// # Errors
/// `invalid-json`, `invalid-line`, `invalid-engine-id` or `invalid-idempotency-key`.
pub(super) fn message(line: &[u8]) -> Result<Sent, Refusal> {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(line) {
        let detail = format!("the line is not JSON: {error}");
        return Err(Refusal::new(400, "invalid-json", detail, FORM));
    }
    let (mut engine, mut key, mut message) = (None, None, None);
    let mut fields = Fields::of(line).ok_or_else(|| invalid("it is no object"))?;
    while let Some((name, value)) = fields.next_field() {
        let field = match name {
            b"engine" => &mut engine,
            b"key" => &mut key,
            b"message" => &mut message,
            name => {
                let name = String::from_utf8_lossy(name);
                return Err(invalid(&format!("it has the field `{name}`")));
            }
        };
        if field.replace(value).is_some() {
            let name = String::from_utf8_lossy(name);
            return Err(invalid(&format!("it has the field `{name}` twice")));
        }
    }
    let engine = engine.ok_or_else(|| invalid("it names no engine"))?;
    let message = message.ok_or_else(|| invalid("it has no message"))?;
    Ok(Sent {
        engine: engine_id(engine)?,
        request: key.map(request_id).transpose()?.flatten(),
        body: message.to_vec(),
    })
}

fn engine_id(text: &[u8]) -> Result<EngineId, Refusal> {
    let named: String = serde_json::from_slice(text).map_err(|_| invalid("`engine` is no text"))?;
    named.parse().map_err(|error: refit_abi::EngineIdError| {
        let next = "see the engines' ids with `refit status`";
        Refusal::new(400, "invalid-engine-id", error.to_string(), next)
    })
}

/// A `null` is no key.
fn request_id(text: &[u8]) -> Result<Option<RequestId>, Refusal> {
    let key: Option<String> =
        serde_json::from_slice(text).map_err(|_| invalid("`key` is no text"))?;
    let parse = |key: String| {
        key.parse().map_err(|error: crate::RequestIdError| {
            let next = "write CLIENT/SEQUENCE, such as `ada/17`, or leave the key out";
            Refusal::new(400, "invalid-idempotency-key", error.to_string(), next)
        })
    };
    key.map(parse).transpose()
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(
        400,
        "invalid-line",
        format!("the line is refused: {detail}"),
        FORM,
    )
}

/// The fields of an object, each a name and a value as they are written. The text was checked to be JSON; of any
/// other text some pieces come, and no panic.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(text: &'a [u8]) -> Option<Self> {
        let rest = text.trim_ascii_start().strip_prefix(b"{")?;
        Some(Self { rest })
    }

    fn next_field(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let rest = rest.strip_prefix(b"\"")?;
        let (name, rest) = rest.split_at_checked(text_end(rest)?)?;
        let rest = rest.get(1..)?.trim_ascii_start().strip_prefix(b":")?;
        let rest = rest.trim_ascii_start();
        let (value, rest) = rest.split_at_checked(value_end(rest)?)?;
        self.rest = rest;
        // Space behind it is the line's: the same message is the same request, alone or in a line.
        Some((name, value.trim_ascii_end()))
    }
}

/// Where a text ends that has begun: the place of its quotation mark.
fn text_end(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How long the value is that `rest` begins with.
fn value_end(rest: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match rest.get(at)? {
            b'"' => at += 1 + text_end(rest.get(at + 1..)?)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_in_any_order_and_with_any_space_and_its_message_is_kept_as_it_is_written() {
        let body = r#"{"put":{"key":"}\"]","value":[1,{"a":"\\"}, "," ]}}"#;
        for line in [
            format!(r#"{{"engine":"kv","key":"ada/17","message":{body}}}"#),
            format!(r#" {{ "message" : {body} , "key":"ada/17", "engine" : "kv" }} "#),
        ] {
            let sent = message(line.as_bytes()).unwrap();
            assert_eq!(sent.engine, EngineId::root("kv").unwrap());
            assert_eq!(sent.request.unwrap().to_string(), "ada/17");
            assert_eq!(String::from_utf8(sent.body).unwrap(), body);
        }
        for (line, body) in [
            (r#"{"engine":"kv","message":7}"#, "7"),
            (r#"{"engine":"kv","key":null,"message":"a"}"#, "\"a\""),
        ] {
            let sent = message(line.as_bytes()).unwrap();
            assert_eq!((sent.request, &sent.body[..]), (None, body.as_bytes()));
        }
    }

    #[test]
    fn a_line_of_another_form_is_refused_by_what_is_wrong_with_it() {
        for (line, code) in [
            ("{", "invalid-json"),
            ("", "invalid-json"),
            (r#"{"engine":"kv","message":1}{}"#, "invalid-json"),
            ("[1]", "invalid-line"),
            ("{}", "invalid-line"),
            (r#"{"engine":"kv"}"#, "invalid-line"),
            (r#"{"message":1}"#, "invalid-line"),
            (r#"{"engine":"kv","message":1,"to":2}"#, "invalid-line"),
            (r#"{"engine":"kv","message":1,"message":2}"#, "invalid-line"),
            (r#"{"engine":7,"message":1}"#, "invalid-line"),
            (r#"{"engine":"K V","message":1}"#, "invalid-engine-id"),
            (
                r#"{"engine":"kv","key":"a","message":1}"#,
                "invalid-idempotency-key",
            ),
        ] {
            let refusal = message(line.as_bytes()).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.code.as_str()),
                (400, code),
                "{line}"
            );
        }
    }
}
