//! `refit send ENGINE JSON`, and `refit send --batch FILE`

use super::batch;
use super::input::{self, InputError};
use crate::args::SendArgs;
use crate::client::{Answer, Client};
use crate::failure::Failure;
use crate::show;
use refit_admin::{HEADER_GENERATION, HEADER_HEIGHT, HEADER_KEY, HEADER_REPEATED, RequestId};
use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) async fn run(client: &Client, args: SendArgs) -> Result<(), Failure> {
    if let Some(lines) = &args.batch {
        return batch::run(client, lines).await;
    }
    // The parser has seen that they are there.
    let (engine, message) = args.engine.zip(args.message).ok_or(InputError::Nothing)?;
    let body = input::json(message)?;
    let headers = key_header(args.key.as_ref());
    let path = format!("/v1/engines/{engine}/messages");
    let answer = client.post(&path, &headers, body).await?;
    print(client, &answer, args.output.json)?;
    show::next(format_args!("refit query {engine} JSON"));
    Ok(())
}

/// The header of a request that has a key.
pub(super) fn key_header(key: Option<&RequestId>) -> Vec<(&'static str, String)> {
    key.iter()
        .map(|key| (HEADER_KEY, key.to_string()))
        .collect()
}

/// A reply as one document.
#[derive(Debug, Serialize)]
struct Told {
    reply: Box<RawValue>,
    height: Option<u64>,
    generation: Option<u64>,
    /// Whether it is the recorded reply of an earlier send with the same key.
    repeated: bool,
}

/// Prints an engine's reply, and says where in history it was made.
pub(super) fn print(client: &Client, answer: &Answer, json: bool) -> Result<(), Failure> {
    let repeated = answer.header(HEADER_REPEATED).is_some();
    if json {
        let number = |name| answer.header(name)?.parse().ok();
        return show::json(&Told {
            reply: client.decode(answer)?,
            height: number(HEADER_HEIGHT),
            generation: number(HEADER_GENERATION),
            repeated,
        });
    }
    show::data(&format!("{}\n", String::from_utf8_lossy(&answer.body)))?;
    let header = |name| answer.header(name).unwrap_or("unknown");
    let repeated = match repeated {
        true => ", the recorded reply of an earlier send",
        false => "",
    };
    let (height, generation) = (header(HEADER_HEIGHT), header(HEADER_GENERATION));
    show::talk(format_args!(
        "height {height}, generation {generation}{repeated}"
    ));
    Ok(())
}
