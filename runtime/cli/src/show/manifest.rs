//! What a release says, for people and programs.

use super::table::{facts, table};
use crate::units::shown_bytes;
use refit_release::manifest::Manifest;
use refit_release::{Frame, ReleaseId};
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    file: &'a Path,
    id: String,
    manifest: &'a Manifest,
    /// The keys whose signatures are right; whether they count is the keyset's matter.
    signed_by: Vec<String>,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(file: &'a Path, manifest: &'a Manifest, frame: &Frame) -> Self {
        let signers = frame.all_signers(&manifest.network);
        Self {
            file,
            id: ReleaseId::of(frame.record()).to_string(),
            manifest,
            signed_by: signers.iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let manifest = self.manifest;
        let mut rows = vec![
            ("release", self.id.clone()),
            ("name", manifest.name.clone()),
            ("network", manifest.network.to_string()),
            ("place", manifest.position.to_string()),
            (
                "after",
                manifest
                    .parent
                    .map_or_else(|| "-".to_owned(), |id| id.to_string()),
            ),
            (
                "blocks",
                format!("{} to {}", manifest.window.from, manifest.window.until),
            ),
            (
                "way back",
                if manifest.reversible { "yes" } else { "no" }.to_owned(),
            ),
        ];
        if !manifest.about.is_empty() {
            rows.push(("about", manifest.about.trim_end().to_owned()));
        }
        if !manifest.expected_differences.is_empty() {
            rows.push(("other replies", manifest.expected_differences.join(", ")));
        }
        if let Some(source) = &manifest.source {
            rows.push(("source", source.root.to_string()));
        }
        let signed = match self.signed_by.is_empty() {
            true => "by nobody".to_owned(),
            false => self.signed_by.join(", "),
        };
        rows.push(("signed", signed));
        format!("{}\n{}\n{}", facts(&rows), self.kinds(), self.files())
    }

    fn kinds(&self) -> String {
        let modules = self.manifest.modules.iter();
        let kinds = modules.flat_map(|module| module.kinds.iter().map(move |kind| (module, kind)));
        let rows = kinds.map(|(module, kind)| {
            let may = kind.capabilities.iter();
            let may = may.map(|may| format!("{} {}", may.ability, may.kind));
            [
                kind.kind.clone(),
                kind.version.to_string(),
                kind.to.to_string(),
                format!("{} {}", module.package, module.version),
                may.collect::<Vec<_>>().join(", "),
            ]
        });
        table(
            ["KIND", "VERSION", "SCHEMA", "PACKAGE", "MAY"],
            &rows.collect::<Vec<_>>(),
        )
    }

    fn files(&self) -> String {
        let rows = self.manifest.files().map(|file| {
            [
                file.file.to_string(),
                shown_bytes(file.bytes),
                file.target.clone(),
                file.toolchain.clone(),
            ]
        });
        table(
            ["FILE", "SIZE", "TARGET", "TOOLCHAIN"],
            &rows.collect::<Vec<_>>(),
        )
    }
}
