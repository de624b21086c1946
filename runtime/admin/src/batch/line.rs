//! One line of a batch: a message for an engine, maybe under a key.
//!
//! ```text
//! {"engine": "kv", "key": "ada/17", "message": {"put": {"key": "a", "value": "1"}}}
//! ```

use crate::{Refusal, RequestId, Sent};
use refit_abi::EngineId;
use refit_abi::codes;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The next step for a line of another form.
const FORM: &str = "write a line such as {\"engine\":\"kv\",\"key\":\"ada/17\",\"message\":{…}}; the key may be left out";

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    engine: Cow<'a, str>,
    /// A `null` is no key.
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    /// Its bytes are the request: the same message is the same request, alone or in a line, whatever space is around it.
    #[serde(borrow)]
    message: &'a RawValue,
}

/// The message of a line, which holds no line break.
///
/// # Errors
/// `invalid-json`, `invalid-line`, `invalid-engine-id` or `invalid-idempotency-key`.
pub(super) fn message(line: &[u8]) -> Result<Sent, Refusal> {
    let read = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    // The fields in their order, without their names, would do too.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(invalid("it is no object"));
    }
    let Line {
        engine,
        key,
        message,
    } = read;
    Ok(Sent {
        engine: engine_id(&engine)?,
        request: key.as_deref().map(request_id).transpose()?,
        body: message.get().as_bytes().to_vec(),
    })
}

fn engine_id(named: &str) -> Result<EngineId, Refusal> {
    named.parse().map_err(|error: refit_abi::EngineIdError| {
        let next = "see the engines' ids with `refit status`";
        Refusal::new(400, codes::INVALID_ENGINE_ID, error.to_string(), next)
    })
}

fn request_id(key: &str) -> Result<RequestId, Refusal> {
    key.parse().map_err(|error: crate::RequestIdError| {
        let next = "write CLIENT/SEQUENCE, such as `ada/17`, or leave the key out";
        Refusal::new(400, codes::INVALID_IDEMPOTENCY_KEY, error.to_string(), next)
    })
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    match error.classify() {
        Category::Data => invalid(&error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => {
            let detail = format!("the line is not JSON: {error}");
            Refusal::new(400, codes::INVALID_JSON, detail, FORM)
        }
    }
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(
        400,
        codes::INVALID_LINE,
        format!("the line is refused: {detail}"),
        FORM,
    )
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
            (r#"["kv",null,1]"#, "invalid-line"),
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
                (refusal.status, refusal.why.code.as_str()),
                (400, code),
                "{line}"
            );
        }
    }
}
