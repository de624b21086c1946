//! A keyset, for people and programs.

use super::table::{facts, several};
use refit_admin::api::KeysetInForce;
use refit_release::keyset::KeysetRecord;
use refit_release::{Frame, KeysetId, Network, Quorum};
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    file: &'a Path,
    id: String,
    network: String,
    version: u64,
    previous: Option<String>,
    expires: refit_abi::Height,
    root: Role,
    release: Role,
    /// Whether enough of its own root keys have signed it; a node goes by the keyset before, too.
    is_signed: bool,
}

/// Who may do one thing.
#[derive(Debug, Serialize)]
struct Role {
    threshold: u8,
    keys: Vec<RoleKey>,
}

#[derive(Debug, Serialize)]
struct RoleKey {
    key: String,
    has_signed: bool,
}

impl Role {
    fn of(quorum: &Quorum, network: &Network, frame: &Frame) -> Self {
        let signers = frame.signers(network, quorum.keys());
        let keys = quorum.keys().iter().map(|key| RoleKey {
            key: key.to_string(),
            has_signed: signers.contains(&key),
        });
        Self {
            threshold: quorum.threshold(),
            keys: keys.collect(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let head = format!("{} of {}", self.threshold, self.keys.len());
        let line = |key: &RoleKey| match key.has_signed {
            true => format!("{}  has signed", key.key),
            false => key.key.clone(),
        };
        std::iter::once(head)
            .chain(self.keys.iter().map(line))
            .collect()
    }
}

impl<'a> Shown<'a> {
    pub(crate) fn of(file: &'a Path, record: &KeysetRecord, frame: &Frame) -> Self {
        let network = &record.network;
        Self {
            file,
            id: KeysetId::of(frame.record()).to_string(),
            network: network.to_string(),
            version: record.version.0,
            previous: record.previous.map(|id| id.to_string()),
            expires: record.expires,
            root: Role::of(&record.root, network, frame),
            release: Role::of(&record.release, network, frame),
            is_signed: record.root.signers(network, frame).is_ok(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut rows = vec![
            ("keyset", self.id.clone()),
            ("network", self.network.clone()),
            ("version", self.version.to_string()),
            (
                "after",
                self.previous.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            ("until block", self.expires.to_string()),
        ];
        rows.extend(several("root keys", self.root.lines()));
        rows.extend(several("release keys", self.release.lines()));
        let signed = match self.is_signed {
            true => "by enough of its own root keys",
            false => "not by enough of its own root keys yet",
        };
        rows.push(("signed", signed.to_owned()));
        facts(&rows)
    }
}

/// The keyset that a node goes by.
pub(crate) fn in_force(keyset: &KeysetInForce) -> String {
    let mut rows = vec![
        ("keyset", keyset.id.clone()),
        ("network", keyset.network.clone()),
        ("version", keyset.version.to_string()),
        ("until block", keyset.expires.to_string()),
    ];
    let role = |threshold: u8, keys: &[String]| {
        let head = format!("{threshold} of {}", keys.len());
        std::iter::once(head).chain(keys.iter().cloned()).collect()
    };
    rows.extend(several(
        "root keys",
        role(keyset.root_threshold, &keyset.root),
    ));
    rows.extend(several(
        "release keys",
        role(keyset.release_threshold, &keyset.release),
    ));
    let newest = keyset.newest.as_ref().map_or_else(
        || "none yet".to_owned(),
        |newest| format!("{}.{} {}", newest.epoch, newest.sequence, newest.id),
    );
    rows.push(("newest release", newest));
    if !keyset.revoked.is_empty() {
        rows.extend(several("revoked", keyset.revoked.clone()));
    }
    facts(&rows)
}
