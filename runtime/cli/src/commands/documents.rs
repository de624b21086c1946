//! `refit completions SHELL` and `refit man`: what the program says about itself, in the forms that
//! shells and `man` read.

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;
use crate::files::FileError;
use crate::show;
use clap::CommandFactory;
use std::path::Path;

/// The program's name.
const NAME: &str = "refit";

/// The first line of a manual page's file name: section 1 holds commands.
const SECTION: &str = "1";

pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut text);
    show::data(&String::from_utf8_lossy(&text))
}

pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut text = Vec::new();
        // As the page in a folder: `help` is no command of its own there.
        let page = clap_mangen::Man::new(Cli::command().disable_help_subcommand(true));
        page.render(&mut text).map_err(Failure::output)?;
        return show::data(&String::from_utf8_lossy(&text));
    };
    let unwritable = |source| FileError::Unwritable {
        path: folder.clone(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
    let page = Path::new(folder).join(format!("{NAME}.{SECTION}"));
    show::data(&format!("{}\n", folder.display()))?;
    // Of another program: it takes a page by its path.
    show::talk(format_args!("next: man {}", page.display()));
    Ok(())
}
