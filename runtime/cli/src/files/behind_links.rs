//! Where a path leads, of which not all need be there.

use std::path::{Component, Path, PathBuf};

/// The path behind all links of the folders that there are; a relative one is of the working directory. What is not there is no
/// link: the way back out of it is the way that it came.
pub(crate) fn behind_links(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|part| {
        let found = part.canonicalize().ok()?;
        Some((found, path.strip_prefix(part).ok()?))
    });
    let (mut real, rest) = found.unwrap_or((PathBuf::new(), &path));
    for part in rest.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_what_is_there_are_followed_and_the_rest_stays_as_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(real.join("a/b")).unwrap();
        symlink(real.join("a/b"), real.join("link")).unwrap();
        for (named, is) in [
            ("link", "a/b"),
            ("link/none", "a/b/none"),
            ("link/../none", "a/none"),
            ("none/../a", "a"),
            ("none/more/../..", ""),
            ("./none/./x", "none/x"),
        ] {
            assert_eq!(behind_links(&real.join(named)), real.join(is), "{named}");
        }
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(behind_links(Path::new("none/x")), here.join("none/x"));
    }
}
