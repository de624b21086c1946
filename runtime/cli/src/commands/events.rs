//! `refit events`: what engines emit, as it comes.

use crate::args::EventsArgs;
use crate::client::Refused;
use crate::client::{Client, ServerEvent};
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{Event, Status};
use std::borrow::Cow;

/// The node has no more events.
#[derive(Debug, thiserror::Error)]
#[error("the node has ended its events")]
pub(crate) struct EventsEnded {
    next: String,
}

impl EventsEnded {
    fn after(last: &str) -> Self {
        Self {
            next: format!(
                "see whether it still runs with `refit status`; go on with `refit events --after {last}`"
            ),
        }
    }
}

impl Explain for EventsEnded {
    fn code(&self) -> &str {
        codes::NODE_EVENTS_ENDED
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.next)
    }
}

impl Reported for EventsEnded {}

pub(crate) async fn run(client: &Client, args: &EventsArgs) -> Result<(), Failure> {
    let mut stream = client.events(&path(args)).await?;
    show::talk("events as they come; Ctrl-C ends this");
    if let Some(engine) = &args.engine {
        say_if_absent(client, *engine).await?;
    }
    let mut shown = 0;
    let mut last = String::new();
    while args.count.is_none_or(|count| shown < count) {
        let Some(event) = stream.next().await? else {
            return Err(EventsEnded::after(&last).into());
        };
        last.clone_from(&event.id);
        if event.data.is_empty() {
            continue;
        }
        if !show(client, args, &event)? {
            // The reader closed stdout: it has all it wanted.
            return Ok(());
        }
        shown += 1;
    }
    Ok(())
}

/// Says so if there is no such engine: it may come, or have been, but more likely its name is misspelt.
async fn say_if_absent(client: &Client, engine: EngineId) -> Result<(), Failure> {
    let status: Status = client.get("/v1/status").await?;
    // Of very many engines not all are listed.
    let is_whole = status.engines.len() as u64 == status.engines_total;
    let name = engine.to_string();
    if is_whole && !status.engines.iter().any(|it| it.id == name) {
        show::talk(format_args!(
            "no engine `{name}` runs now: nothing new is to be seen unless it comes; see the engines with: refit status"
        ));
    }
    Ok(())
}

fn path(args: &EventsArgs) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(engine) = &args.engine {
        query.append_pair("engine", &engine.to_string());
    }
    if let Some(topic) = &args.topic {
        query.append_pair("topic", topic);
    }
    if let Some(after) = &args.after {
        query.append_pair("after", &after.to_string());
    }
    if args.all {
        query.append_pair("from", "oldest");
    }
    format!("/v1/events?{}", query.finish())
}

/// Shows one event; says whether somebody reads.
fn show(client: &Client, args: &EventsArgs, event: &ServerEvent) -> Result<bool, Failure> {
    if event.name.is_some() {
        let problem = client.decode_text(&event.data)?;
        return Err(Refused(problem).into());
    }
    // JSON of another's making may go over lines, between its words.
    let lines: Vec<&str> = event.data.lines().map(str::trim).collect();
    let told: Event = client.decode_text(&lines.join(" "))?;
    if args.output.json {
        return show::flow_json(&told);
    }
    let Event {
        id,
        engine,
        topic,
        event,
        ..
    } = &told;
    let told = format!("{id}  {engine}  {}  {event}", topic.escape_debug());
    show::flow(&format!("{}\n", show::safe::line(&told)))
}
