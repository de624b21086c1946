//! Code: what is kept of it, what a start comes to, and what the configuration names.

use crate::doctor::facts::{
    ChainFacts, CodeFacts, CodeState, ConfiguredCode, ConfiguredFacts, ImageState, LiveFacts,
};
use crate::doctor::finding::{Finding, Severity};
use refit_abi::codes;

const BACK: &str = "put that library back under its name in the data folder's `store/code`, from a copy of the folder or from where it was built";

/// Digits that are shown of an artifact.
const SHORT: usize = 12;

pub(super) fn all(chain: &ChainFacts) -> Vec<Finding> {
    let mut findings: Vec<_> = chain.code.iter().filter_map(|it| kept(it, chain)).collect();
    findings.extend(chain.live.as_ref().map(|live| self::live(live, chain)));
    findings
}

/// What is wrong with a kept library, if something is.
fn kept(code: &CodeFacts, chain: &ChainFacts) -> Option<Finding> {
    let (artifact, kinds) = (&code.artifact, kinds_of(&code.artifact, chain));
    let (name, detail, next) = match &code.state {
        CodeState::Kept { .. } | CodeState::Unprobed => return None,
        CodeState::Missing => (
            codes::KEPT_CODE_MISSING,
            format!("the library {artifact}{kinds} is not kept"),
            BACK,
        ),
        CodeState::Changed { found } => (
            codes::KEPT_CODE_CHANGED,
            format!("the library {artifact}{kinds} was changed: its hash is {found}"),
            BACK,
        ),
        CodeState::Refused(why) => (
            why.code.as_str(),
            format!(
                "the library {artifact}{kinds} is not loaded: {}",
                why.detail
            ),
            why.next.as_str(),
        ),
    };
    let severity = match is_needed(artifact, chain) {
        true => Severity::Fault,
        false => Severity::Warning,
    };
    Some(Finding::new(severity, name, detail).next(next))
}

/// Whether the next start needs it: the live code, and that of the checkpoint where it begins.
fn is_needed(artifact: &String, chain: &ChainFacts) -> bool {
    let live = chain.live.iter().flat_map(|live| &live.kinds);
    let mut newest = chain.checkpoints.iter().rev();
    let begins = newest.find(|it| it.image == ImageState::Whole);
    let begins = begins.is_some_and(|it| it.artifacts.contains(artifact));
    begins || live.into_iter().any(|kind| kind.artifact == *artifact)
}

fn kinds_of(artifact: &str, chain: &ChainFacts) -> String {
    let live = chain.live.iter().flat_map(|live| &live.kinds);
    let kinds = live.filter(|kind| kind.artifact == artifact);
    let kinds: Vec<_> = kinds.map(|kind| format!("`{}`", kind.kind)).collect();
    match kinds.as_slice() {
        [] => String::new(),
        kinds => format!(" of the live kind {}", kinds.join(", ")),
    }
}

fn live(live: &LiveFacts, chain: &ChainFacts) -> Finding {
    let called = |artifact: &str| {
        let state = chain.code.iter().find(|it| it.artifact == artifact);
        match state.map(|it| &it.state) {
            Some(CodeState::Kept { package, version }) => format!("{package} {version} "),
            _ => String::new(),
        }
    };
    let kind = |kind: &crate::doctor::facts::LiveKindFacts| {
        let short = kind.artifact.get(..SHORT).unwrap_or(&kind.artifact);
        format!("{}: {}{short}", kind.kind, called(&kind.artifact))
    };
    let kinds: Vec<_> = live.kinds.iter().map(kind).collect();
    let detail = format!(
        "generation {} goes on, with {}",
        live.generation,
        kinds.join(", ")
    );
    Finding::ok(codes::RELEASE_LIVE, detail)
}

/// Whether a start takes the configuration.
pub(super) fn configured(facts: &ConfiguredFacts, chain: &ChainFacts) -> Vec<Finding> {
    let code = match facts {
        ConfiguredFacts::Refused(why) => return vec![Finding::explained(why)],
        ConfiguredFacts::Fits { code } => code,
    };
    let live = chain.live.iter().flat_map(|live| &live.kinds);
    let live: Vec<_> = live.map(|kind| &kind.artifact).collect();
    let mut findings = Vec::new();
    for engine in code {
        match &engine.artifact {
            None => findings.push(of_source(engine)),
            Some(artifact) if *artifact == engine.before || live.contains(&artifact) => {}
            Some(artifact) => findings.push(other(engine, artifact)),
        }
    }
    if findings.is_empty() {
        let detail = "the configuration is of this chain, and names code that a start takes";
        findings.push(Finding::ok(codes::CONFIG_SAME, detail));
    }
    findings
}

fn of_source(engine: &ConfiguredCode) -> Finding {
    let (name, path) = (&engine.engine, engine.path.display());
    let detail = format!(
        "engine `{name}` is configured with the source {path}: whether it is the same code is known when it is built"
    );
    Finding::note(codes::CONFIG_SOURCE, detail)
        .next("refit run; if it is refused: refit run --code live")
}

fn other(engine: &ConfiguredCode, artifact: &str) -> Finding {
    let (name, path) = (&engine.engine, engine.path.display());
    let detail = format!(
        "engine `{name}` is configured with {path}, which is {artifact}: neither the live code nor what was configured before"
    );
    let next = "start what is live with: refit run --code live; then bring the new code with: refit upgrade apply";
    Finding::fault(codes::DATA_OTHER_CODE, detail).next(next)
}
