//! Groups of this machine's users, by name.

use crate::files::read_text;
use std::path::Path;

/// The file that names them.
pub(crate) const GROUPS: &str = "/etc/group";

/// Longest such file that is read, in bytes.
const GROUPS_BYTES_MAX: u64 = 1 << 20;

/// The number of a group that is given by its name or its number; `None` if no group has the name.
pub(crate) fn number(group: &str) -> Option<u32> {
    let of_name = || number_in(&read_text(Path::new(GROUPS), GROUPS_BYTES_MAX).ok()?, group);
    group.parse().ok().or_else(of_name)
}

/// The number of the group `name` in the text of the file, a line of which is `NAME:PASSWORD:NUMBER:MEMBERS`.
fn number_in(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut parts = line.split(':');
        let is_it = parts.next()? == name;
        let number = parts.nth(1).filter(|_| is_it)?;
        number.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_by_its_name_or_its_number() {
        let text = "root:x:0:\n# no group\nrefit:x:998:ada,bob\nbroken\n";
        assert_eq!(number_in(text, "refit"), Some(998));
        assert_eq!(number_in(text, "root"), Some(0));
        for name in ["ref", "ada", "broken", ""] {
            assert_eq!(number_in(text, name), None, "{name}");
        }
        assert_eq!(number("1000"), Some(1000));
        assert_eq!(number("no-such-group-here"), None);
    }
}
