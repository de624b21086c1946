//! Groups of this machine's users, by name.

use super::ConfigError;
use crate::files::read_text;
use std::path::Path;

/// The file that names them.
pub(crate) const GROUPS: &str = "/etc/group";

/// Longest such file that is read, in bytes.
const GROUPS_BYTES_MAX: u64 = 1 << 20;

/// What the system takes for no group at all, where it is told to give a file to one.
const NO_GROUP: u32 = u32::MAX;

/// The number of a group that is given by its name or its number. Digits alone are a number, also where a group has
/// them for its name.
///
/// # Errors
/// If no group can have the number, none has the name, or it cannot be seen which have names.
pub(crate) fn number(group: &str) -> Result<u32, ConfigError> {
    number_of(group, Path::new(GROUPS))
}

fn number_of(group: &str, groups: &Path) -> Result<u32, ConfigError> {
    let name = || group.to_owned();
    // A number with a sign is none.
    if !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = group.parse().ok().filter(|number| *number != NO_GROUP);
        return number.ok_or_else(|| ConfigError::GroupBeyond { group: name() });
    }
    let text = read_text(groups, GROUPS_BYTES_MAX).map_err(|source| ConfigError::Groups {
        group: name(),
        source,
    })?;
    number_in(&text, group).ok_or_else(|| ConfigError::GroupUnknown { group: name() })
}

/// The number of the group `name` in the text of the file, a line of which is `NAME:PASSWORD:NUMBER:MEMBERS`.
fn number_in(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut parts = line.split(':');
        let is_it = parts.next()? == name;
        let number = parts.nth(1).filter(|_| is_it)?;
        number.parse().ok().filter(|number| *number != NO_GROUP)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::host::Explain;

    #[test]
    fn a_group_is_named_by_its_name_or_its_number() {
        let text = "root:x:0:\n# no group\nrefit:x:998:ada,bob\nbroken\n";
        assert_eq!(number_in(text, "refit"), Some(998));
        assert_eq!(number_in(text, "root"), Some(0));
        for name in ["ref", "ada", "broken", ""] {
            assert_eq!(number_in(text, name), None, "{name}");
        }
    }

    #[test]
    fn a_number_has_no_sign_and_is_one_that_a_group_can_have() {
        let folder = tempfile::tempdir().unwrap();
        let groups = folder.path().join("group");
        std::fs::write(&groups, "1000:x:5:\nrefit:x:998:\nlast:x:4294967295:\n").unwrap();
        let number = |group: &str| number_of(group, &groups).ok();
        assert_eq!(number("1000"), Some(1000));
        assert_eq!(number("refit"), Some(998));
        assert_eq!(number("4294967294"), Some(u32::MAX - 1));
        let refused = [
            "4294967295",
            "4294967296",
            "+5",
            "-1",
            " 5",
            "",
            "last",
            "nobody-here",
        ];
        assert_eq!(refused.map(number), [None; 8]);
    }

    #[test]
    fn a_list_of_groups_that_cannot_be_read_is_not_one_without_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let code = |path: &Path| number_of("refit", path).unwrap_err().code().to_owned();
        assert_eq!(code(&folder.path().join("none")), "file-unreadable");
        let long = folder.path().join("group");
        std::fs::write(&long, "x".repeat(GROUPS_BYTES_MAX as usize + 1)).unwrap();
        assert_eq!(code(&long), "file-too-large");
    }
}
