//! [`ParameterChanges`]: other values for some of the [`Parameters`], by name, for an entry of a block or for a plan.
//!
//! Changes, and no whole value: two of them that were written against the same parameters, and name others of them,
//! both hold in the end.

use super::{Field, PARAMETERS_BYTES_MAX, PARAMETERS_FORMAT, Parameters, ParametersError};
use refit_abi::descriptor::CapabilityDescriptor;
use refit_abi::host::each_name_once;
use refit_abi::is_kind_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Other values for some of the parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterChanges {
    /// Numbers, by the names of [`FIELDS`](super::FIELDS), each once.
    #[serde(default, deserialize_with = "each_name_once")]
    pub set: BTreeMap<String, u64>,
    /// For each kind named here, once, all that it is granted; `None`: whatever it declares.
    #[serde(default, deserialize_with = "each_name_once")]
    pub grants: BTreeMap<String, Option<Vec<CapabilityDescriptor>>>,
}

/// One number that is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The parameter's name.
    pub name: &'static str,
    /// The value before.
    pub from: u64,
    /// The value after.
    pub to: u64,
}

impl ParameterChanges {
    /// Whether they change nothing.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.grants.is_empty()
    }

    /// Whether they can be carried out, whatever parameters hold then.
    ///
    /// # Errors
    /// [`ParametersError`] names the parameter, and its bounds.
    pub fn check(&self) -> Result<(), ParametersError> {
        for (name, value) in &self.set {
            Field::named(name)?.check(*value)?;
        }
        // They are shown on terminals.
        let granted = self.grants.values().flatten().flatten();
        let kinds = granted.map(|granted| &granted.kind);
        if let Some(kind) = self
            .grants
            .keys()
            .chain(kinds)
            .find(|kind| !is_kind_name(kind))
        {
            return Err(ParametersError::NoKind { kind: kind.clone() });
        }
        let bytes = self.to_bytes().len();
        match bytes {
            ..=PARAMETERS_BYTES_MAX => Ok(()),
            _ => Err(ParametersError::TooLarge { bytes }),
        }
    }

    /// The canonical bytes: [`PARAMETERS_FORMAT`] and the postcard form of the fields in their order.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(PARAMETERS_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("changes have only sized fields: {error}"),
        }
    }

    /// Reads back what [`ParameterChanges::to_bytes`] gave.
    ///
    /// # Errors
    /// [`ParametersError`] if the bytes are none, not the canonical form, or of such as cannot be carried out.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParametersError> {
        let changes: Self = super::bytes::read(bytes)?;
        if changes.to_bytes() != bytes {
            return Err(ParametersError::NotCanonical);
        }
        changes.check()?;
        Ok(changes)
    }
}

impl Parameters {
    /// These, changed.
    ///
    /// # Errors
    /// As [`ParameterChanges::check`].
    pub fn changed(&self, changes: &ParameterChanges) -> Result<Self, ParametersError> {
        let mut changed = self.clone();
        for (name, value) in &changes.set {
            Field::named(name)?.set(&mut changed, *value)?;
        }
        for (kind, granted) in &changes.grants {
            let listed = &mut changed.grants.listed;
            match granted {
                Some(granted) => drop(listed.insert(kind.clone(), granted.clone())),
                None => drop(listed.remove(kind)),
            }
        }
        match changed.to_bytes().len() {
            ..=PARAMETERS_BYTES_MAX => Ok(changed),
            bytes => Err(ParametersError::TooLarge { bytes }),
        }
    }

    /// The numbers that are others in `to`.
    pub fn differences(&self, to: &Self) -> Vec<Changed> {
        let changed = super::FIELDS.iter().map(|field| Changed {
            name: field.name,
            from: field.of(self),
            to: field.of(to),
        });
        changed.filter(|one| one.from != one.to).collect()
    }
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} → {}", self.name, self.from, self.to)
    }
}
