//! A trial of a roll-back: what it would come to, found out on a copy of what it needs, in a child process, while the
//! node goes on.
//!
//! The copy is a store of its own: the checkpoint of the generation before, its libraries, the log from there on, what
//! clients were told, and the decision. The child is a node that starts on it, and so carries the decision out as the
//! real start would. Nothing of it outlives the trial.

use super::about::About;
use super::checkpoints::way_back;
use super::store_copy::{CopyFolder, StoreCopy};
use super::way_back::{NoWayBack, check};
use crate::code::armed;
use crate::probation::OnProbation;
use crate::probation::order::RollBack;
use crate::rehearsal::RehearsalCommand;
use crate::rehearsal::process::{
    Complaint, Heard, Listened, Outputs, Until, converse, end, listen,
};
use refit_abi::codes;
use refit_abi::host::shown;
use refit_admin::Refusal;
use refit_admin::api::RollBackReport;
use refit_loader::helper::{Given, Kind, Started, UNHELPED_NEXT, is_unhelped};
use refit_store::{AppendError, Archive, Fault, OpenError, ReadError, RecordChange, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Bytes of the child's last words that are shown.
const COMPLAINT_SHOWN_BYTES: usize = 512;

/// What a roll-back would come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tried {
    /// The replies.
    pub report: RollBackReport,
    /// Engines that the code of before does not keep whole either.
    pub poisoned: Vec<String>,
    /// Engines whose states do not pass their checks under it either.
    #[serde(default)]
    pub unsound: Vec<String>,
}

/// Why a trial says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrialError {
    #[error(transparent)]
    NoWayBack(#[from] NoWayBack),
    #[error("the copy: {0}")]
    System(#[from] io::Error),
    #[error("the copy: {0}")]
    Open(#[from] OpenError),
    #[error("the copy: {0}")]
    Store(#[from] Fault),
    #[error("the copy: {0}")]
    Read(#[from] ReadError),
    #[error("the copy: {0}")]
    Append(#[from] AppendError),
    #[error("the copy was not written in time")]
    Slow,
    #[error("{} does not start: {source}", program.display())]
    NotStarted { program: PathBuf, source: io::Error },
    #[error("how the trial ended is not known: {0}")]
    Unwatched(io::Error),
    #[error("the blocks were not made anew within {seconds} s")]
    Late { seconds: u64 },
    #[error("the code of before does not come to the end of the blocks: {why}")]
    Failed { why: String },
}

impl TrialError {
    /// Whether nobody is there any more who starts trials for a confined node.
    fn is_unhelped(&self) -> bool {
        match self {
            Self::NotStarted { source, .. } => is_unhelped(source),
            Self::Unwatched(_) => true,
            _ => false,
        }
    }

    /// What is answered where nothing is at fault but that; `None` if it is something else.
    pub(crate) fn unhelped(&self) -> Option<Refusal> {
        let next = UNHELPED_NEXT;
        self.is_unhelped()
            .then(|| Refusal::new(503, codes::NO_HELPER, self.to_string(), next))
    }
}

/// What is tried.
pub(crate) struct Trial<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) archive: &'a dyn Archive,
    pub(crate) on: OnProbation,
    /// What clients were told.
    pub(crate) told: RecordChange,
    /// Where the copy is made, and removed.
    pub(crate) folder: PathBuf,
}

impl Trial<'_> {
    /// Tries it.
    pub(crate) fn run(&self, command: &RehearsalCommand) -> Result<Tried, TrialError> {
        check(&self.on, self.store, self.archive)?;
        let copy = CopyFolder::begin(self.folder.clone())?;
        self.copy(&copy.0)?;
        child(command, &copy.0)
    }

    /// Makes a store that a start would roll back.
    fn copy(&self, folder: &Path) -> Result<(), TrialError> {
        let number = way_back(self.archive, Some(&self.on))?.ok_or(NoWayBack::NoCheckpoint)?;
        let kept = self.archive.checkpoints()?.into_iter();
        let mut kept = kept.filter(|checkpoint| checkpoint.number == number);
        let from = kept.next().ok_or(NoWayBack::NoCheckpoint)?;
        let about = About::from_bytes(&from.about);
        let copy = StoreCopy {
            store: self.store,
            archive: self.archive,
            artifacts: about.map(|about| about.artifacts()).unwrap_or_default(),
            from,
            records: self.records()?,
        };
        copy.make(folder)
    }

    /// The records that the start looks at.
    fn records(&self) -> Result<Vec<RecordChange>, TrialError> {
        let mut records = vec![self.told.clone()];
        for beginning in ["branch/", armed::NAME] {
            let kept = self.archive.records(beginning)?.into_iter();
            records.extend(kept.map(|(name, content)| RecordChange::put(name, content)));
        }
        let decided = RollBack::new(self.on.clone(), "trial", "it is tried".to_owned());
        records.push(decided.to_record()?);
        Ok(records)
    }
}

/// Has a child start on the copy; gives what it says.
pub(super) fn child<T: DeserializeOwned>(
    command: &RehearsalCommand,
    folder: &Path,
) -> Result<T, TrialError> {
    let not_started = |source| TrialError::NotStarted {
        program: command.program.clone(),
        source,
    };
    let started = match &command.helper {
        Some(helper) => {
            let folder = std::path::absolute(folder)?;
            helper.start(&Kind::Trial { folder }, &Given::default())
        }
        None => start(command, folder),
    };
    let Started {
        process: mut child,
        stdout,
        stderr,
        ..
    } = started.map_err(not_started)?;
    let output = converse(Outputs { stdout, stderr })?;
    let mut heard = Heard::default();
    let until = Until {
        deadline: Instant::now() + command.deadline,
        called_off: &|| false,
    };
    let late = TrialError::Late {
        seconds: command.deadline.as_secs(),
    };
    match listen(&mut child, &output.lines, &mut heard, &until) {
        Listened::Closed => {}
        Listened::Unwatched(error) => return Err(TrialError::Unwatched(error)),
        Listened::Late | Listened::CalledOff => return Err(late),
    }
    let ended = end(&mut child, &until).map_err(TrialError::Unwatched)?;
    let status = ended.ok_or(late)?;
    let said = heard.report.filter(|_| status.success());
    let tried = said.and_then(|said| serde_json::from_slice(&said).ok());
    tried.ok_or_else(|| TrialError::Failed {
        why: format!("{status}; {}", last_words(&output.complaint)),
    })
}

fn start(command: &RehearsalCommand, folder: &Path) -> io::Result<Started> {
    let name = command.name.as_deref();
    let child = Command::new(&command.program)
        .arg0(name.unwrap_or(command.program.as_os_str()))
        .args(&command.arguments)
        .arg(folder)
        // No variable of the node's changes what it does.
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Started::of(child)
}

/// The end of what the child said to standard error.
fn last_words(complaint: &Complaint) -> String {
    let complaint = complaint.lock();
    let from = complaint.len().saturating_sub(COMPLAINT_SHOWN_BYTES);
    shown(
        &String::from_utf8_lossy(&complaint[from..]),
        COMPLAINT_SHOWN_BYTES,
    )
}
