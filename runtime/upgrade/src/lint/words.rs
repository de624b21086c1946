//! Findings about JSON words: the types stay, and what clients and configurations write does not.

use super::Linter;
use super::rewording::{Rewording, Way};
use crate::finding::{Finding, Level};
use refit_abi::codes;
use refit_abi::schema::SchemaId;
use refit_abi::words::Words;

/// The most differences that one finding lists.
const LINES_MAX: usize = 8;

const CODE: &str = codes::WORDS_CHANGED;

/// The same of the live code and of the new.
struct Sides<T> {
    was: T,
    is: T,
}

/// One part of an interface whose schema stays.
struct Part<'a> {
    /// `messages of`, `queries of`, …
    name: &'static str,
    schemas: Sides<SchemaId>,
    words: Sides<&'a Words>,
    way: Way,
    /// The level of a finding if something is lost.
    level: Level,
    next: &'static str,
}

const CLIENTS: &str = "let both be read, with #[serde(alias = \"…\")], or plan with --allow words-changed once no client writes the old words any more";
const READERS: &str = "write the old names, or tell those who read the new ones";
const OPERATOR: &str = "write the node's configuration in the new words before its next start; what starts afresh now keeps what it was started with";

impl Linter<'_> {
    pub(super) fn words(&self, findings: &mut Vec<Finding>) {
        let Some(old) = self.old else { return };
        let (new, was, is) = (self.new, &old.words, &self.new.words);
        let parts = [
            Part {
                name: "messages",
                schemas: sides(old.message, new.message),
                words: sides(&was.message, &is.message),
                way: Way::Read,
                level: Level::Error,
                next: CLIENTS,
            },
            Part {
                name: "queries",
                schemas: sides(old.query, new.query),
                words: sides(&was.query, &is.query),
                way: Way::Read,
                level: Level::Error,
                next: CLIENTS,
            },
            Part {
                name: "configurations",
                schemas: sides(old.config, new.config),
                words: sides(&was.config, &is.config),
                way: Way::Read,
                level: Level::Warning,
                next: OPERATOR,
            },
            Part {
                name: "replies",
                schemas: sides(old.reply, new.reply),
                words: sides(&was.reply, &is.reply),
                way: Way::Written,
                level: Level::Warning,
                next: READERS,
            },
            Part {
                name: "answers",
                schemas: sides(old.answer, new.answer),
                words: sides(&was.answer, &is.answer),
                way: Way::Written,
                level: Level::Warning,
                next: READERS,
            },
        ];
        // Where the schema changes, another finding says so: words are looked at only if nothing else shows.
        let same = parts
            .iter()
            .filter(|part| part.schemas.was == part.schemas.is);
        findings.extend(same.filter_map(|part| self.part(part)));
        findings.extend(self.converted(old.message, &was.message));
    }

    fn part(&self, part: &Part<'_>) -> Option<Finding> {
        let (kind, name) = (&self.new.kind, part.name);
        let Rewording { lost, added } = Rewording::of(part.words.was, part.words.is, part.way);
        if !lost.is_empty() {
            let verb = match part.way {
                Way::Read => "read",
                Way::Written => "written",
            };
            let told = told(&lost);
            let reason = format!(
                "the {name} of `{kind}` are {verb} in other words than before, though their type is the same: {told}"
            );
            return Some(self.found(part.level, CODE, reason, part.next));
        }
        (!added.is_empty()).then(|| {
            let told = told(&added);
            let reason =
                format!("the {name} of `{kind}` are read in more words than before: {told}");
            self.found(Level::Note, CODE, reason, "nothing, if that is meant")
        })
    }

    /// Messages of the live version, which the new code converts: its frozen type reads what clients of that
    /// version write, to the last word.
    fn converted(&self, schema: SchemaId, was: &Words) -> Option<Finding> {
        if schema == self.new.message {
            return None;
        }
        let Rewording { lost, .. } = Rewording::of(was, self.new.words_of(schema)?, Way::Read);
        (!lost.is_empty()).then(|| {
            let reason = format!(
                "clients of the live version of `{}` are no longer understood as they were: {}",
                self.new.kind,
                told(&lost)
            );
            let next = "give the frozen message the serde attributes that it was published with";
            self.found(Level::Warning, CODE, reason, next)
        })
    }
}

fn sides<T>(was: T, is: T) -> Sides<T> {
    Sides { was, is }
}

fn told(lines: &[String]) -> String {
    let mut told = lines[..lines.len().min(LINES_MAX)].join(", ");
    if lines.len() > LINES_MAX {
        told += &format!(", and {} more", lines.len() - LINES_MAX);
    }
    told
}
