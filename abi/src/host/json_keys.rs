//! Checks whether JSON can carry a type: the keys of its objects are text, so a map's keys must be
//! something that is written as text.

use crate::schema::{Field, Type};

/// The keys of a map within `ty` that JSON cannot carry, by the name of their type.
pub(super) fn unwritable(ty: &Type) -> Option<String> {
    match ty {
        Type::Scalar { .. } | Type::Recursion { .. } | Type::Serde { .. } => None,
        Type::Container {
            name, arguments, ..
        } => {
            let key = arguments.first().filter(|_| name == "BTreeMap");
            let key = key.filter(|key| !is_text(key)).map(name_of);
            key.or_else(|| arguments.iter().find_map(unwritable))
        }
        Type::Struct { fields, .. } => of_fields(fields),
        Type::Enum { variants, .. } => variants
            .iter()
            .find_map(|variant| of_fields(&variant.fields)),
    }
}

fn of_fields(fields: &[Field]) -> Option<String> {
    fields.iter().find_map(|field| unwritable(&field.ty))
}

/// Whether serde_json writes a value of this type as a key: text, numbers, `bool`, `char`, enums without
/// payload, and structs that wrap one of them.
fn is_text(key: &Type) -> bool {
    match key {
        Type::Scalar { name, .. } => name != "()",
        Type::Struct { fields, .. } => {
            matches!(fields.as_slice(), [only] if only.name == "0" && is_text(&only.ty))
        }
        Type::Enum { variants, .. } => variants.iter().all(|variant| variant.fields.is_empty()),
        Type::Container { .. } | Type::Recursion { .. } | Type::Serde { .. } => false,
    }
}

fn name_of(ty: &Type) -> String {
    match ty {
        Type::Scalar { name, .. }
        | Type::Container { name, .. }
        | Type::Struct { name, .. }
        | Type::Enum { name, .. }
        | Type::Recursion { name, .. }
        | Type::Serde { name, .. } => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Describer;
    use crate::{EngineId, Height, State};
    use std::collections::BTreeMap;

    fn found<T: State>() -> Option<String> {
        unwritable(&T::describe(&mut Describer::default()))
    }

    #[test]
    fn only_keys_that_are_written_as_text_pass() {
        assert_eq!(found::<BTreeMap<String, BTreeMap<u64, bool>>>(), None);
        assert_eq!(found::<Vec<(u8, u8)>>(), None);
        assert_eq!(found::<BTreeMap<Height, char>>(), None);
        assert_eq!(found::<BTreeMap<EngineId, char>>(), None);
        let pair = found::<Option<Vec<BTreeMap<(u32, u32), u64>>>>();
        assert_eq!(pair.as_deref(), Some("tuple"));
        let inner = found::<BTreeMap<String, BTreeMap<Option<u8>, u64>>>();
        assert_eq!(inner.as_deref(), Some("Option"));
        let json = |value: &BTreeMap<Height, u8>| serde_json::to_string(value);
        assert!(json(&BTreeMap::from([(Height(7), 1)])).is_ok());
        let id = EngineId::root("kv").unwrap();
        assert!(serde_json::to_string(&BTreeMap::from([(id, 'a')])).is_ok());
        assert!(serde_json::to_string(&BTreeMap::from([((1, 2), 3)])).is_err());
    }
}
