//! [`Rules`]: the rules for one upgrade: the node's policy, over it the options of its apply, and whether it is taken
//! back.

use super::Policy;
use super::refused::{UpgradeRefused, refused};
use crate::micros::micros;
use crate::pause::Recall;
use crate::rehearsal::{REHEARSAL_WAIT_MAX, REHEARSAL_WAIT_MIN, RehearsalCommand};
use crate::releases::StagedRelease;
use crossbeam_channel::Sender;
use refit_abi::codes;
use refit_admin::{ApplyOptions, Refusal, api};
use refit_ordering::Entry;
use std::sync::Arc;
use std::time::Duration;

/// How one upgrade is rehearsed, which pause is acceptable, and whether it is taken back.
#[derive(Debug)]
pub(super) struct Rules {
    /// How it is rehearsed, if it is.
    pub(super) rehearsal: Option<RehearsalCommand>,
    /// The longest pause that the rehearsal may predict.
    bound: Option<Duration>,
    /// How to go on if there is a bound and no rehearsal.
    way_out: &'static str,
    /// Whether it is taken back.
    pub(super) recall: Arc<Recall>,
    /// The entry that announces it in the log once it is armed, unless a block has done so already.
    pub(super) entry: Option<Entry>,
    /// It is made again, because a block of the log says that it was made: nothing of it is written down a second time.
    pub(super) again: bool,
    /// It is one for which the node stops, and this is the start that carries it out.
    pub(super) while_starting: bool,
    /// What a start needs of it is written down already.
    pub(super) is_recorded: bool,
    /// The longest time without service that its rehearsal may predict, if it is one for which the node stops.
    pub(super) downtime: Option<Duration>,
    /// For so many blocks after it the node can be rolled back.
    pub(super) probation_blocks: u64,
    /// Is dropped once it is armed, or has ended: a start may wait for that.
    pub(super) staged: Option<Sender<()>>,
    /// The release that it brings, if it brings one; a start that goes on with it does not ask for it.
    pub(super) release: Option<Arc<StagedRelease>>,
    /// Which attempt it is, from 1 on: each but the first comes after one that ended the node.
    pub(super) attempts: u32,
}

impl Rules {
    /// Policy and options together. Who skips the rehearsal sets the node's own bound aside with it: the
    /// bound is one on what a rehearsal predicts.
    pub(super) fn new(policy: &Policy, options: &ApplyOptions) -> Result<Self, Refusal> {
        let wait = options.rehearsal_wait_us.map(Duration::from_micros);
        if let Some(wait) = wait
            && !(REHEARSAL_WAIT_MIN..=REHEARSAL_WAIT_MAX).contains(&wait)
        {
            return Err(no_such_wait(wait));
        }
        let rehearsal = policy.rehearsal.clone().filter(|_| !options.no_rehearsal);
        let rehearsal = rehearsal.map(|command| match wait {
            Some(wait) => command.deadline(wait),
            None => command,
        });
        let wished = options.max_pause_us.map(Duration::from_micros);
        let of_node = policy.max_pause.filter(|_| !options.no_rehearsal);
        Ok(Self {
            rehearsal,
            bound: wished.or(of_node),
            way_out: match (options.no_rehearsal, wished) {
                (true, _) => {
                    "apply the plan with --max-pause or with --no-rehearsal, not with both"
                }
                (false, Some(_)) => {
                    "apply the plan without --max-pause, or start the node without --no-rehearsal"
                }
                (false, None) => {
                    "start the node without its --no-rehearsal or without its --max-pause; \
                     apply with --no-rehearsal sets the bound aside for one upgrade"
                }
            },
            recall: Arc::default(),
            entry: None,
            again: false,
            while_starting: false,
            is_recorded: false,
            downtime: None,
            probation_blocks: policy.probation_blocks,
            staged: None,
            release: None,
            attempts: 1,
        })
    }

    /// The same for an upgrade for which the node stops: its pause is part of the time without service, which has its
    /// own bound.
    pub(super) fn offline(&mut self, downtime: Option<Duration>) {
        (self.bound, self.downtime) = (None, downtime);
    }

    /// Whether so much time without service is acceptable.
    pub(super) fn accept_downtime(&self, predicted: Duration) -> Result<(), UpgradeRefused> {
        let Some(bound) = self.downtime.filter(|bound| *bound < predicted) else {
            return Ok(());
        };
        let detail = format!(
            "the node would not serve for about {} ms, at most {} ms are acceptable",
            predicted.as_millis(),
            bound.as_millis()
        );
        Err(refused(
            api::Phase::Rehearsed,
            codes::DOWNTIME_TOO_LONG,
            &detail,
            "accept more with max_downtime, or upgrade a snapshot beside the node: refit snapshot migrate",
        ))
    }

    /// Refuses a bound on a pause that nobody will predict.
    pub(super) fn can_be_met(&self) -> Result<(), UpgradeRefused> {
        if self.rehearsal.is_none() && self.downtime.is_some() {
            return Err(refused(
                api::Phase::Rehearsed,
                codes::DOWNTIME_NOT_REHEARSED,
                &"a longest time without service is set, and the upgrade is not rehearsed",
                "apply the plan without --no-rehearsal, or start the node with another max_downtime",
            ));
        }
        if self.rehearsal.is_some() || self.bound.is_none() {
            return Ok(());
        }
        Err(refused(
            api::Phase::Rehearsed,
            codes::PAUSE_NOT_REHEARSED,
            &"a longest pause is set, and the upgrade is not rehearsed",
            self.way_out,
        ))
    }

    /// Whether the predicted pause, in microseconds, is acceptable.
    pub(super) fn accept(&self, predicted_us: u64) -> Result<(), UpgradeRefused> {
        let Some(bound) = self.bound.filter(|bound| micros(*bound) < predicted_us) else {
            return Ok(());
        };
        let detail = format!(
            "the rehearsal took a pause of {predicted_us} µs, at most {} µs is acceptable",
            micros(bound)
        );
        let next = "bring fewer engines at once, write a migration that touches fewer fields, or accept a longer pause with --max-pause";
        Err(refused(
            api::Phase::Rehearsed,
            codes::PAUSE_TOO_LONG,
            &detail,
            next,
        ))
    }
}

fn no_such_wait(wait: Duration) -> Refusal {
    let (least, most) = (
        REHEARSAL_WAIT_MIN.as_millis(),
        REHEARSAL_WAIT_MAX.as_millis(),
    );
    let detail = format!(
        "a rehearsal may take {least} ms to {most} ms, not {} ms",
        wait.as_millis()
    );
    let next = "give a wait within these bounds, or apply with --no-rehearsal";
    Refusal::new(400, codes::INVALID_REHEARSAL_WAIT, detail, next)
}
