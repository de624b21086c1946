//! The code that the node keeps, and why.

use super::handle::Node;
use crate::answers::refusals::silent;
use crate::code::libraries::Release;
use crate::limits::STATUS_WAIT_MAX;
use crate::recovery::releases::{KindCode, LiveRelease, Names, list};
use refit_admin::Refusal;
use refit_admin::api::KeptRelease;
use refit_store::ArchiveView;

impl Node {
    pub(crate) fn kept_releases(&self) -> Result<Vec<KeptRelease>, Refusal> {
        let table = self.duty.ask(|executor| executor.table(), STATUS_WAIT_MAX);
        let table = table.map_err(|_| silent(&self.latest, &self.standing, &self.watched))?;
        let releases = self.upgrades.releases(&table);
        let kinds = table
            .iter()
            .zip(&releases)
            .map(|((_, entry), release)| KindCode {
                kind: entry.kind.descriptor().kind.clone(),
                artifact: release.artifact.clone(),
            });
        let live = LiveRelease {
            generation: table.number(),
            kinds: kinds.collect(),
            until: self.probation.now().map(|on| on.until),
        };
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        let names = self.names();
        let archive = self.store.archive();
        let archive = archive.map(|archive| archive as &dyn ArchiveView);
        let quarantine = self.upgrades.quarantine().entries();
        let listed = list(live, archive, &quarantine, &names);
        listed.map_err(|fault| Refusal::of(500, &fault))
    }

    /// What the code is called that is mapped, was live, or was tried.
    fn names(&self) -> Names {
        let mut names = Names::of_reports(&self.upgrades.reports());
        // Before the journal: what is unmapped meanwhile is in it by then.
        let mapped = self.upgrades.libraries().releases();
        for kind in self.upgrades.code_before() {
            names.add(Release {
                package: kind.package,
                version: kind.package_version,
                artifact: kind.artifact,
                file: String::new(),
            });
        }
        mapped.into_iter().for_each(|release| names.add(release));
        names
    }
}
