//! What a migrated snapshot says of itself: the code that it is of, its ground with the outcome, what was done to it.

use super::planning::Probed;
use super::{MigrateError, Migration};
use crate::blocks::chain;
use crate::recovery::about::{About, KeptKind};
use crate::snapshot::SnapshotKind;
use crate::snapshot::finish::{Beside, Embedded, parameters};
use crate::trust::CarriedTrust;
use refit_admin::api::UpgradeRecord;
use refit_kernel::ArtifactHash;
use refit_ordering::{CodeManifest, Ground, KindCode, ParametersHash, UpgradeEnd, UpgradeOutcome};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Cursor;

impl Migration {
    /// BLAKE3 of the library of each kind of the new generation.
    pub(super) fn artifacts(&self) -> BTreeMap<String, ArtifactHash> {
        let hash = |probed: &Probed| ArtifactHash(probed.library.id().to_bytes());
        let kinds = self.live.kinds.iter();
        let live = kinds.filter_map(|kind| {
            let library = self.old.get(&kind.artifact)?;
            Some((kind.descriptor.kind.clone(), hash(library)))
        });
        let new = self.planned.new.iter().flat_map(|new| {
            let kinds = new.descriptor().kinds.iter();
            kinds.map(move |kind| (kind.kind.clone(), hash(new)))
        });
        live.chain(new).collect()
    }

    /// The library of each kind of the new generation, in the order of its table: what is replaced keeps its place.
    fn table(&self) -> Vec<(String, &Probed)> {
        let comes = |name: &str| {
            let mut new = self.planned.new.iter();
            new.find(|new| new.kind(name).is_some())
        };
        let kinds = self.live.kinds.iter();
        let mut table: Vec<_> = kinds
            .filter_map(|kind| {
                let name = &kind.descriptor.kind;
                let library = comes(name).or_else(|| self.old.get(&kind.artifact))?;
                Some((name.clone(), library))
            })
            .collect();
        for new in &self.planned.new {
            for kind in &new.descriptor().kinds {
                if table.iter().all(|(name, _)| *name != kind.kind) {
                    table.push((kind.kind.clone(), new));
                }
            }
        }
        table
    }

    /// What comes behind the new image in the file: its header, and its libraries.
    pub(super) fn beside(
        &self,
        file: &File,
        record: &UpgradeRecord,
        with_code: bool,
    ) -> Result<Beside, MigrateError> {
        let header = self.file.header();
        let about = header.about().map_err(|why| self.file.content(why))?;
        let mut kept: BTreeMap<_, _> = about
            .kinds
            .iter()
            .map(|it| (&it.artifact, &it.file))
            .collect();
        let modules = self.planned.plan.modules.iter();
        kept.extend(modules.map(|module| (&module.artifact, &module.path)));
        let (mut kinds, mut codes, mut shown, mut libraries) =
            (vec![], vec![], vec![], BTreeMap::new());
        for (name, library) in self.table() {
            let (module, artifact) = (library.descriptor(), library.artifact());
            let Some(kind) = library.kind(&name) else {
                continue;
            };
            codes.push(KindCode::of(module, kind, artifact.clone()));
            shown.push(SnapshotKind::of(module, kind, artifact.clone()));
            kinds.push(KeptKind {
                kind: name,
                file: kept
                    .get(&artifact)
                    .map_or_else(String::new, |file| (*file).clone()),
                artifact: artifact.clone(),
            });
            libraries.insert(artifact, library);
        }
        let ground = Ground {
            outcome: Some(UpgradeOutcome {
                plan: chain::digest(&self.planned.plan),
                end: UpgradeEnd::Committed,
            }),
            manifest: CodeManifest::new(codes).hash(),
            parameters: ParametersHash(parameters(file)?.hash().0),
            ..about.ground()
        };
        let embed = |(artifact, library): (String, &Probed)| Embedded {
            artifact,
            bytes: Box::new(Cursor::new(library.library.bytes().to_vec())),
        };
        let mut offline = header.offline.clone();
        offline.extend(serde_json::to_value(record).ok());
        Ok(Beside {
            about: About::of_kinds(&ground, self.live.generation.next(), kinds),
            ground,
            kinds: shown,
            identity: header.identity.get().as_bytes().to_vec(),
            offline,
            trust: CarriedTrust::after(header.trust.as_ref(), &self.planned.plan),
            code: match with_code {
                true => libraries.into_iter().map(embed).collect(),
                false => Vec::new(),
            },
        })
    }
}
