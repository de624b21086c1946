//! [`Options`]: how a module is compiled.

/// A cargo profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// For a quick build.
    Dev,
    /// For speed. Arithmetic that overflows panics here too, as it does in [`Profile::Dev`]: an engine
    /// that is released must not count on where one that is tested stops.
    #[default]
    Release,
}

/// The features of the engine's package that are on, beside `module`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// The features that are named.
    pub named: Vec<String>,
    /// All of them.
    pub all: bool,
    /// Not those of `default`.
    pub no_default: bool,
}

/// The way a module is compiled. A [`Profile`] alone is one too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// The profile.
    pub profile: Profile,
    /// The features.
    pub features: Features,
    /// Whether the library keeps what debuggers and profilers read; else it is stripped of it.
    pub debug_info: bool,
}

impl Profile {
    /// cargo's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// Its folder in a target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    /// Its part of cargo's environment variables.
    fn variable(self) -> &'static str {
        match self {
            Self::Dev => "DEV",
            Self::Release => "RELEASE",
        }
    }
}

impl From<Profile> for Options {
    fn from(profile: Profile) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }
}

impl Features {
    /// Those that are named, `module` among them, in order and once.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.named.iter().map(String::as_str).collect();
        names.push("module");
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Options {
    /// Cargo's arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "--profile".to_owned(),
            self.profile.name().to_owned(),
            "--features".to_owned(),
            self.features.names().join(","),
        ];
        for (on, flag) in [
            (self.features.all, "--all-features"),
            (self.features.no_default, "--no-default-features"),
        ] {
            arguments.extend(on.then(|| flag.to_owned()));
        }
        arguments
    }

    /// Cargo's environment variables: they override the manifest.
    pub(crate) fn variables(&self) -> Vec<(String, &'static str)> {
        let (debug, strip) = match self.debug_info {
            true => ("full", "none"),
            false => ("0", "debuginfo"),
        };
        let settings = [
            ("DEBUG", debug),
            ("STRIP", strip),
            ("OVERFLOW_CHECKS", "true"),
        ];
        let variable = self.profile.variable();
        settings
            .map(|(setting, value)| (format!("CARGO_PROFILE_{variable}_{setting}"), value))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_features_are_named_does_not_count() {
        let options = |named: &[&str]| Options {
            features: Features {
                named: named.iter().map(|&name| name.to_owned()).collect(),
                ..Features::default()
            },
            ..Options::default()
        };
        let arguments = options(&["b", "a", "b"]).arguments();
        assert_eq!(arguments, options(&["a", "b"]).arguments());
        assert_eq!(arguments[3], "a,b,module");
    }
}
