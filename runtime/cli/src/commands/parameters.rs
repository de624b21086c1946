//! `refit parameters show` and `refit parameters set NAME=VALUE…`: what the results of blocks depend on.

use super::input::InputError;
use super::send::key_header;
use crate::args::{OutputArgs, SetArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::show::safe;
use crate::show::table::{facts, several, table};
use refit_abi::Height;
use refit_admin::HEADER_REPEATED;
use refit_admin::api::{ParameterChange, ParameterValue, ParametersReport, Status};
use std::collections::BTreeMap;

const PATH: &str = "/v1/parameters";

pub(crate) async fn show(client: &Client, args: &OutputArgs) -> Result<(), Failure> {
    let report: ParametersReport = client.get(PATH).await?;
    if args.json {
        return show::json(&report);
    }
    show::data(&text(&report))
}

pub(crate) async fn set(client: &Client, args: SetArgs) -> Result<(), Failure> {
    let values = args.values.into_iter();
    let grants = args.grant.into_iter();
    let change = ParameterChange {
        set: once(values.map(|it| (it.name, it.value)))?,
        grants: once(grants.map(|it| (it.kind, it.granted)))?,
    };
    let body = serde_json::json!(change).to_string();
    let headers = key_header(args.key.as_ref());
    let answer = client.post(PATH, &headers, body).await?;
    let report: ParametersReport = client.decode(&answer)?;
    if args.output.json {
        return show::json(&report);
    }
    let named = |value: &&ParameterValue| change.set.contains_key(&value.name);
    let line = |value: &ParameterValue| {
        safe::line(&format!("{} is {} {}", value.name, value.value, value.unit)) + "\n"
    };
    let mut text: String = report.values.iter().filter(named).map(line).collect();
    for (kind, granted) in &change.grants {
        if granted.is_none() {
            text.push_str(&format!(
                "{} may do what its code declares\n",
                safe::line(kind)
            ));
        }
    }
    if !change.grants.is_empty() {
        for line in show::status::granted(&report.grants) {
            text.push_str(&safe::line(&line));
            text.push('\n');
        }
    }
    show::data(&text)?;
    say_unknown(client, &change).await?;
    if answer.header(HEADER_REPEATED).is_some()
        && let Some(ordered) = &report.ordered
    {
        let height = ordered.height;
        show::talk(format_args!(
            "this was set before under its key, in block {height}, and is not set again"
        ));
    }
    show::talk(since(report.since));
    show::next("refit parameters show");
    Ok(())
}

/// Says which kinds with grants no engine has: they count once one comes, but more likely the name is misspelt.
async fn say_unknown(client: &Client, change: &ParameterChange) -> Result<(), Failure> {
    if change.grants.is_empty() {
        return Ok(());
    }
    let status: Status = client.get("/v1/status").await?;
    let is_live = |name: &&String| {
        let mut kinds = status.kinds.iter();
        kinds.any(|kind| kind.descriptor.kind == **name)
    };
    for name in change.grants.keys().filter(|name| !is_live(name)) {
        show::talk(format_args!(
            "no engine has the kind `{name}`: what is granted to it counts once one comes"
        ));
    }
    Ok(())
}

/// The named values, each once: of two values for one name either may be wrong.
pub(super) fn once<V>(
    named: impl Iterator<Item = (String, V)>,
) -> Result<BTreeMap<String, V>, InputError> {
    let mut map = BTreeMap::new();
    for (name, value) in named {
        if map.contains_key(&name) {
            return Err(InputError::Twice { name });
        }
        map.insert(name, value);
    }
    Ok(map)
}

fn text(report: &ParametersReport) -> String {
    let mut rows = vec![
        ("hash", report.hash.clone()),
        ("since", since(report.since)),
    ];
    rows.extend(several("grants", show::status::granted(&report.grants)));
    let values: Vec<_> = report.values.iter().map(row).collect();
    let head = ["PARAMETER", "VALUE", "UNIT", "DEFAULT", "LEAST", "MOST"];
    format!("{}\n{}", facts(&rows), table(head, &values))
}

fn row(value: &ParameterValue) -> [String; 6] {
    let numbers = [value.value, value.default, value.least, value.most];
    let [now, default, least, most] = numbers.map(|number| number.to_string());
    [
        value.name.clone(),
        now,
        value.unit.clone(),
        default,
        least,
        most,
    ]
}

fn since(height: Height) -> String {
    match height {
        Height(0) => "they are as at the start of the node".to_owned(),
        height => format!("they hold since block {height}, for the blocks after it"),
    }
}
