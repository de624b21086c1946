//! [`Place`]: where a node is and since when, for whoever asks how it is.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

/// Where a node is, and since when.
#[derive(Debug)]
pub(crate) struct Place {
    data_dir: Option<PathBuf>,
    /// Where it serves; told once, when the doors are open.
    addresses: OnceLock<Vec<String>>,
    began: Instant,
}

impl Place {
    /// Of a node that begins now.
    pub(crate) fn new(data_dir: Option<PathBuf>) -> Self {
        Self {
            data_dir,
            addresses: OnceLock::new(),
            began: Instant::now(),
        }
    }

    /// Says where the node serves. Only the first word counts.
    pub(crate) fn serves_at(&self, addresses: Vec<String>) {
        let _ = self.addresses.set(addresses);
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.addresses.get().cloned().unwrap_or_default()
    }

    pub(crate) fn data_dir(&self) -> Option<String> {
        let shown = |path: &PathBuf| path.display().to_string();
        self.data_dir.as_ref().map(shown)
    }

    /// Whole seconds since the node began.
    pub(crate) fn uptime_s(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_where_a_node_serves_counts() {
        let place = Place::new(Some(PathBuf::from("/data")));
        assert_eq!(place.addresses(), Vec::<String>::new());
        place.serves_at(vec!["unix:/a".to_owned()]);
        place.serves_at(vec!["unix:/b".to_owned()]);
        assert_eq!(place.addresses(), ["unix:/a"]);
        assert_eq!(place.data_dir().as_deref(), Some("/data"));
    }
}
