//! `refit release revoke ID --network NAME --reason TEXT --key FILE --out FILE`

use crate::args::RevokeArgs;
use crate::failure::Failure;
use crate::release::{NewRecord, Signing, sign_new};
use refit_release::Domain;
use refit_release::revocation::{REVOCATION_FORMAT, Revocation};

pub(crate) fn run(args: &RevokeArgs) -> Result<(), Failure> {
    let revocation = Revocation {
        format: REVOCATION_FORMAT,
        network: args.network.clone(),
        release: args.release,
        reason: args.reason.clone(),
    };
    let new = NewRecord {
        frame: revocation.unsigned()?,
        domain: Domain::Revocation,
        network: &args.network,
        what: "revocation that this command may replace",
        says: format!("{} is not to be used", args.release),
    };
    let signing = Signing {
        file: &args.out,
        keys: &args.keys,
        with: &args.with,
    };
    sign_new(new, signing)
}
