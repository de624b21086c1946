//! Where a path leads, of which not all need be there.

use std::path::{Component, Path, PathBuf};

/// Links that lead to one another, at most: the system follows no more.
const LINKS_MAX: usize = 40;

/// The path behind all links, also those that lead to nothing yet: somebody may make that. A relative one is of the working
/// directory. What is not there is no link: the way back out of it is the way that it came. One that leads in a circle stays in
/// it.
pub(crate) fn behind_links(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (mut real, mut links) = (PathBuf::new(), 0);
    // The next part last.
    let mut rest = parts(&path);
    while let Some(part) = rest.pop() {
        let at = real.join(&part);
        match part.components().next() {
            Some(Component::ParentDir) => drop(real.pop()),
            Some(Component::CurDir) | None => {}
            Some(_) => match at.read_link() {
                Ok(target) if links < LINKS_MAX => {
                    links += 1;
                    rest.extend(parts(&target));
                }
                _ => real = at,
            },
        }
    }
    real
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().rev();
    parts.map(|part| PathBuf::from(part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_and_what_is_not_there_stays_as_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(real.join("a/b")).unwrap();
        for (link, target) in [
            ("link", "a/b"),
            ("over", "a/../link/../none"),
            ("whole", real.join("a/later").to_str().unwrap()),
            ("a/up", "../a/./b"),
        ] {
            symlink(target, real.join(link)).unwrap();
        }
        for (named, is) in [
            ("link", "a/b"),
            ("link/none", "a/b/none"),
            ("link/../none", "a/none"),
            ("over", "a/none"),
            ("whole/x", "a/later/x"),
            ("a/up", "a/b"),
            ("none/../a", "a"),
            ("none/more/../..", ""),
            ("./none/./x", "none/x"),
        ] {
            assert_eq!(behind_links(&real.join(named)), real.join(is), "{named}");
        }
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(behind_links(Path::new("none/x")), here.join("none/x"));
        symlink("circle", real.join("circle")).unwrap();
        assert_eq!(behind_links(&real.join("circle")), real.join("circle"));
    }
}
