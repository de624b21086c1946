//! The bounds of a node, each with its unit.

use std::time::Duration;

/// Messages that were taken from clients and have no reply yet; more wait at the door.
pub const IN_FLIGHT_MESSAGES_MAX: usize = 8_192;

/// Of these, messages that came in batches: the rest of the places is for clients that send one by one.
pub const IN_FLIGHT_BATCH_MESSAGES_MAX: usize = 6_144;

/// How long a message waits at the door before it is refused.
pub const DOOR_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a message or query may take before its client is told to ask again.
pub const REPLY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Messages that the driver takes in before it looks whether a block is due.
pub const INTAKE_PER_TURN_MAX: usize = 4_096;

/// Executed blocks whose effects wait for the log; with more, no further block is executed.
pub const UNRELEASED_BLOCKS_MAX: usize = 16;

/// How long a driver that ends waits for the log to have the last blocks, so that their answers still leave.
pub const LAST_APPENDS_WAIT_MAX: Duration = Duration::from_secs(10);

/// Bytes of blocks in the log after which a checkpoint is due.
pub const CHECKPOINT_LOG_BYTES: u64 = 64 << 20;

/// Blocks in the log after which a checkpoint is due.
pub const CHECKPOINT_BLOCKS: u64 = 16_384;

/// Hashes of checkpoints' states that wait to be named in a header; of more, the newest are.
pub const STATES_DUE_MAX: usize = 8;

/// Parts of a state whose hashes are kept beside a checkpoint: of more, only that of the whole is.
pub const STATE_LEAVES_KEPT_MAX: usize = 1_024;

/// Bytes of blocks in the log after which a checkpoint is no longer near: one is taken before an upgrade.
pub const CHECKPOINT_NEAR_BYTES: u64 = 4 << 20;

/// Blocks before a planned upgrade from which on its checkpoint is taken.
pub const CHECKPOINT_BEFORE_BLOCKS: u64 = 64;

/// How long an upgrade waits for the checkpoint before it.
pub const CHECKPOINT_BEFORE_WAIT_MAX: Duration = Duration::from_secs(15);

/// How long a checkpoint may take.
pub const CHECKPOINT_WAIT_MAX: Duration = Duration::from_secs(600);

/// Processor time for it, in seconds.
pub const CHECKPOINT_CPU_S: u64 = 600;

/// Between two looks whether the node ends while a checkpoint is written.
pub const CHECKPOINT_LOOK: Duration = Duration::from_millis(50);

/// Attempts at a snapshot, each of which an upgrade may overtake.
pub const SNAPSHOT_TRIES_MAX: u32 = 3;

/// How long the driver waits for the crew to copy the state between two blocks.
pub const PHOTOGRAPH_WAIT_MAX: Duration = Duration::from_secs(5);

/// Blocks of the log that are read and decoded before they are executed again.
pub const REPLAY_AHEAD_BLOCKS: usize = 2;

/// Between two looks whether a node that executes its log again has halted.
pub const REPLAY_LOOK: Duration = Duration::from_millis(100);

/// Longest time the driver sleeps without looking at its clock.
pub const DRIVER_SLEEP_MAX: Duration = Duration::from_secs(1);

/// How long the driver waits for the crew to say what it panicked with, once it is seen to be gone.
pub const CREW_LOST_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long a status waits for the crew before it says what was last known of engines.
pub const LOOK_WAIT_MAX: Duration = Duration::from_millis(250);

/// How long what needs the engines as they are may wait for the crew.
pub const STATUS_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long a look at one engine's whole state may wait for the crew, and again for the state to be
/// written down.
pub const STATE_WAIT_MAX: Duration = Duration::from_secs(15);

/// How long the old code is waited for before the upgrade's report says that it is not retired.
pub const RETIRE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long one step of taking memory for a pause may wait for the crew; then the pause takes what is missing.
pub const RESERVE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long the threads of a crew may take to end. All that they still do is to drop what engines keep in
/// thread-local values; while they do so nothing is unmapped.
pub const CREW_END_MAX: Duration = Duration::from_secs(5);

/// Crews that have not ended in that time; with more, no upgrade is armed.
pub const LINGERING_CREWS_MAX: usize = 16;

/// The default for how many blocks after an upgrade the node can be rolled back. An idle node makes one a second
/// meanwhile.
pub const PROBATION_BLOCKS: u64 = 32;

/// The most blocks of a probation that may be set: the log is kept from before the upgrade until it is over.
pub const PROBATION_BLOCKS_MAX: u64 = 100_000;

/// Attempts at one upgrade that may end the node; then its code is in quarantine.
pub const UPGRADE_ATTEMPTS_MAX: u32 = 2;

/// How long a checkpoint waits until the journal has the upgrade before it: the crew of before leads on for a second, and the
/// block behind the upgrade comes to the disk.
pub(crate) const TOLD_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long a start that decides its blocks itself makes none, so that an upgrade which was armed is armed again first.
pub const TAKEN_UP_WAIT_MAX: Duration = Duration::from_secs(60);

/// Blocks that a node may make while an upgrade is staged: one whose height is further away is not waited for.
pub const TAKEN_UP_NEAR_BLOCKS: u64 = 100_000;

/// Processor time of a trial of a roll-back, in seconds.
pub const TRIAL_CPU_S_MAX: u64 = 600;

/// Panics on probation that wait to be looked at; of more, none is needed.
pub(crate) const ALARMS_MAX: usize = 8;

/// Shortest bound on a pause that may be set: less would take any pause for one that does not end.
pub const PAUSE_LIMIT_MIN: Duration = Duration::from_millis(100);

/// The default bound on a pause: one that lasts longer counts as stuck.
pub const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// Shortest bound on a call into an engine that may be set: less would take any batch for one that does not end.
pub const CALL_LIMIT_MIN: Duration = Duration::from_millis(100);

/// The default bound on a call into an engine: one that lasts longer counts as stuck.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

/// After so many times the limit on a call, the process counts as dead while the call does not return: its supervisor
/// may end it.
pub const CALL_DEAD_TIMES: u32 = 12;

/// Shortest bound on a node's end that may be set.
pub const STOP_LIMIT_MIN: Duration = Duration::from_millis(100);

/// The default bound on the node's end: after it the process is cut.
pub const STOP_LIMIT: Duration = Duration::from_secs(25);

/// How long a cancel waits for the upgrade's end: a rehearsal is killed at once, a probe or a copy of the states is
/// not.
pub const CANCEL_WAIT_MAX: Duration = Duration::from_secs(20);

/// Events of engines that are kept for who reads along, in bytes, each charged [`EVENT_OVERHEAD_BYTES`] more.
pub const EVENTS_BYTES_MAX: usize = 64 << 20;

/// The cost of an event beside its texts, in bytes: it bounds the number of small ones too.
pub const EVENT_OVERHEAD_BYTES: usize = 160;

/// Upgrades whose reports are kept.
pub const REPORTS_MAX: usize = 1_024;

/// Bytes of texts in the reports that are kept; the newest one is in any case.
pub const REPORTS_BYTES_MAX: usize = 16 << 20;

/// Bytes of all files of one plan, of which a copy each is in memory while the upgrade is under way.
pub const STAGED_BYTES_MAX: usize = 1 << 30;

/// Libraries that were handed over and wait for a plan, at most; together they have at most [`STAGED_BYTES_MAX`] bytes. The
/// oldest go.
pub const OFFERED_MAX: usize = 64;
