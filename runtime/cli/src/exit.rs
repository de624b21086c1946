//! The exit codes, which scripts may rely on: [`Exit`], listed in every `--help`.

pub(crate) use refit_abi::codes::Exit;
use std::fmt::Write;

/// The line about them in a command's help.
pub(crate) fn short() -> String {
    let numbers = Exit::ALL.map(|exit| exit.number().to_string());
    format!(
        "Exit codes: {}. `refit --help` says what they mean.",
        numbers.join(", ")
    )
}

/// The list of them in `refit --help`.
pub(crate) fn help() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in Exit::ALL {
        // A string takes all that is written to it.
        let _ = writeln!(text, " {:>3}  {}", exit.number(), exit.means());
    }
    text.push_str(
        "\nAn error has a code: `refit explain CODE` says more.\n\
         Flags go over environment variables, these over the configuration file.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::codes;

    #[test]
    fn a_file_that_is_bad_is_no_defect_of_the_program() {
        for code in [
            codes::STORE_DAMAGED,
            codes::STORE_CUT,
            codes::CHECKPOINT_UNREADABLE,
            codes::LOG_UNREADABLE,
            codes::KEPT_CODE_MISSING,
            codes::KEPT_CODE_CHANGED,
            codes::SNAPSHOT_CUT,
            codes::SNAPSHOT_DAMAGED,
            codes::SNAPSHOT_CONTENT,
        ] {
            assert_eq!(Exit::of(code), Some(Exit::Usage), "{code}");
        }
    }
}
