//! What came of handing a signed record to a node, for people.

use super::safe::line;
use crate::units::{counted, shown_bytes};
use refit_admin::api::{Imported, ReleaseImported, ReleaseName, ReleaseRevoked};

/// One record.
pub(crate) fn text(imported: &Imported) -> String {
    match imported {
        Imported::Release(release) => of_release(release),
        Imported::Revocation(revoked) => of_revocation(revoked),
        Imported::Attestation(attested) => format!(
            "{} is attested by {}, and {} of them are needed\n",
            attested.file,
            counted(attested.builders.len(), "builder"),
            attested.threshold
        ),
        _ => "the node has taken it\n".to_owned(),
    }
}

/// A release, by its name and its place.
pub(crate) fn named(release: &ReleaseName) -> String {
    let (epoch, sequence) = (release.epoch, release.sequence);
    line(&format!("{} ({epoch}.{sequence})", release.name))
}

fn of_release(imported: &ReleaseImported) -> String {
    let before = if imported.is_repeated {
        ", already there"
    } else {
        ""
    };
    let missing = match imported.missing.len() {
        0 => String::new(),
        missing => format!(", {} missing", counted(missing, "file")),
    };
    format!(
        "{} {}: signed by {}, {}{missing}{before}\n",
        imported.release.id,
        named(&imported.release),
        imported.signers.len(),
        shown_bytes(imported.bytes),
    )
}

fn of_revocation(revoked: &ReleaseRevoked) -> String {
    let mut text = format!(
        "{} is revoked: {}\n",
        revoked.release,
        line(&revoked.reason)
    );
    if let Some(id) = revoked.cancelled {
        text += &format!("upgrade {id} to it was taken back\n");
    }
    if revoked.is_live {
        text += "it is live: take it back while it is on probation (refit upgrade rollback), or bring a later one\n";
    }
    text
}
