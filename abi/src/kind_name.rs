//! The name of an engine kind: it goes into file names, modules, metrics and logs, so its characters are checked
//! where it is declared, while the engine compiles, and again by the node that loads it.

/// Longest name of an engine kind, in bytes.
pub const KIND_BYTES_MAX: usize = 32;

/// Whether `name` may name an engine kind: 1 to [`KIND_BYTES_MAX`] bytes of `a-z`, `0-9`, `-`, `_`.
///
/// ```
/// use refit_abi::is_kind_name;
/// assert!(is_kind_name("kv-index_2"));
/// assert!(!is_kind_name("") && !is_kind_name("Kv") && !is_kind_name("../kv"));
/// ```
pub const fn is_kind_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > KIND_BYTES_MAX {
        return false;
    }
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        index += 1;
    }
    true
}

/// Whether no two of these names are the same.
pub(crate) const fn are_different(kinds: &[&str]) -> bool {
    let mut one = 0;
    while one < kinds.len() {
        let mut other = one + 1;
        while other < kinds.len() {
            if crate::derived::is_equal(kinds[one].as_bytes(), kinds[other].as_bytes()) {
                return false;
            }
            other += 1;
        }
        one += 1;
    }
    true
}
