//! Which texts are paths of a tree.

/// Longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 1_024;

/// Longest part of a path, in bytes.
const PART_BYTES_MAX: usize = 255;

/// Whether this is a path from a tree's top to something in it, which leads nowhere else on any system: parts that are not
/// empty, `.` or `..`, separated by `/`, without control characters, `\` and `:`, and that neither begin with a space nor end
/// with a space or a dot.
///
/// ```
/// use refit_release::tree::is_path;
/// assert!(is_path("src/main.rs") && is_path(".cargo/config.toml"));
/// assert!(!is_path("../etc/passwd") && !is_path("/etc/passwd") && !is_path("a//b"));
/// ```
pub fn is_path(path: &str) -> bool {
    (1..=PATH_BYTES_MAX).contains(&path.len()) && path.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let fits = (1..=PART_BYTES_MAX).contains(&part.len());
    let leads_away = matches!(part, "." | "..");
    let is_strange = |character: char| character.is_control() || matches!(character, '\\' | ':');
    let is_trimmed = !part.starts_with(' ') && !part.ends_with([' ', '.']);
    fits && !leads_away && is_trimmed && !part.contains(is_strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_within_its_tree_on_any_system() {
        let longest = "p".repeat(PART_BYTES_MAX);
        for path in ["a", "a/b.rs", ".hidden/x", "ä/ö", "a b", "...a", &longest] {
            assert!(is_path(path), "{path}");
        }
        let longer = "p".repeat(PART_BYTES_MAX + 1);
        let deep = "p/".repeat(PATH_BYTES_MAX / 2) + "p";
        for path in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\\b", "C:/a", "a\0",
            "a\nb", " a", "a ", "a.", "a/b.", &longer, &deep,
        ] {
            assert!(!is_path(path), "{path:?}");
        }
    }
}
