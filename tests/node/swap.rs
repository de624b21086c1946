//! A swap under load: nothing is lost, nothing is done twice, the old code goes.

use crate::{assert_mapped, entry, put, store, workshop};
use refit_abi::Generation;
use refit_admin::api::{Class, Phase, UpgradeReport, UpgradeState};
use refit_admin::{Bytes, Entrance, Node as _, Replied, RequestId};
use refit_node::Node;
use refit_tests::{Harness, process};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Entries from before the load.
const OLD_ENTRIES: u64 = 50;

/// Clients that send at once, each one message after the other.
const CLIENTS: usize = 4;

/// Replies that all clients together wait for on either side of the swap.
const REPLIES_PER_SIDE: u64 = 200;

/// Most messages of one client.
const MESSAGES_MAX: u64 = 100_000;

/// The longest time that the replies of one side may take.
const SIDE_MAX: Duration = Duration::from_secs(60);

/// The part that the clients share.
#[derive(Default)]
struct Load {
    answered: AtomicU64,
    end: AtomicBool,
}

impl Load {
    fn wait_for_more(&self) {
        let (goal, deadline) = (
            self.answered.load(Ordering::Relaxed) + REPLIES_PER_SIDE,
            Instant::now() + SIDE_MAX,
        );
        while self.answered.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < deadline, "the clients get no replies");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn key(client: usize, sequence: u64) -> String {
    format!("c{client}-{sequence:06}")
}

fn request(client: usize, sequence: u64) -> RequestId {
    RequestId {
        client: format!("client-{client}"),
        sequence,
    }
}

/// Puts keys of its own until the test stops it; gives the replies in order.
async fn run_client(node: Arc<Node>, load: Arc<Load>, client: usize) -> Vec<Replied> {
    let kv = "kv".parse().unwrap();
    let mut replies = Vec::new();
    for sequence in 1..=MESSAGES_MAX {
        if load.end.load(Ordering::Relaxed) {
            break;
        }
        let message = Bytes::from(put(&key(client, sequence), "new").to_string());
        replies.push(
            node.send(kv, Entrance::UNIX, Some(request(client, sequence)), message)
                .await
                .unwrap(),
        );
        load.answered.fetch_add(1, Ordering::Relaxed);
    }
    replies
}

/// Upgrades to version 2 while the clients send; gives the report and each client's replies.
fn swap_under_load(node: &Harness, v2: &std::path::Path) -> (UpgradeReport, Vec<Vec<Replied>>) {
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            node.runtime()
                .spawn(run_client(node.node().clone(), load.clone(), client))
        })
        .collect();
    load.wait_for_more();
    let report = node.upgrade("kv", v2);
    load.wait_for_more();
    load.end.store(true, Ordering::Relaxed);
    let replies = clients
        .into_iter()
        .map(|client| node.runtime().block_on(client).unwrap());
    (report, replies.collect())
}

#[test]
fn a_swap_under_load_loses_nothing_mixes_nothing_and_unmaps_the_old_code() {
    let workshop = workshop();
    let node = store(&workshop);
    for number in 0..OLD_ENTRIES {
        node.send("kv", put(&format!("old-{number:02}"), "old"))
            .unwrap();
    }
    let v1 = node.status().kinds[0].artifact.clone();
    let v2 = node.own_copy(&workshop.kv_v2());
    let (report, clients) = swap_under_load(&node, &v2);

    assert_committed(&report);
    let swapped_at = report.height.unwrap();
    for replies in &clients {
        assert!(
            replies.is_sorted_by_key(|reply| reply.height),
            "one sender's order"
        );
        for reply in replies {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(
                body,
                json!({"stored": {"previous": null}}),
                "each message once"
            );
            let expected = if reply.height <= swapped_at {
                report.from
            } else {
                report.to
            };
            assert_eq!(
                reply.generation, expected,
                "block {} of swap {swapped_at}",
                reply.height
            );
            assert!(!reply.repeated);
        }
    }
    assert_entries(&node, &clients);
    assert_repeats(&node, &clients);
    assert_eq!(node.node().counts().blocks.mixed, 0);
    assert_eq!(node.node().counts().blocks.dead_letters, 0);

    assert_mapped(&node, 1);
    assert!(process::mappings_of(&v2) > 0, "the new code runs");
    let old_name = format!("/memfd:refit-{}-", &v1[..12]);
    let maps = refit_loader::sys::maps::read().unwrap();
    assert!(
        !maps
            .iter()
            .any(|mapping| mapping.path.starts_with(&old_name)),
        "the old is gone"
    );
}

fn assert_committed(report: &UpgradeReport) {
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!((report.from, report.to), (Generation(1), Generation(2)));
    assert_eq!(report.class, Class::Migrate);
    assert!(
        report.retired && report.pinned.is_empty() && report.reason.is_none(),
        "{report:?}"
    );
    let phases: Vec<_> = report.phases.iter().map(|step| step.phase).collect();
    let all = [
        Phase::Staged,
        Phase::Probed,
        Phase::Armed,
        Phase::Quiesced,
        Phase::Transitioned,
        Phase::Committed,
        Phase::Resumed,
        Phase::Retired,
    ];
    assert_eq!(phases, all);
    // Each of the four is cut to whole microseconds on its own.
    let parts: u64 = report.phases[3..7].iter().map(|step| step.us).sum();
    assert!((parts..=parts + 4).contains(&report.pause_us), "{report:?}");
}

/// Every entry is there; those from before the swap have revision 0, the others one of their own.
fn assert_entries(node: &Harness, clients: &[Vec<Replied>]) {
    let sent: usize = clients.iter().map(Vec::len).sum();
    let length = node.query("kv", json!("length")).unwrap();
    assert_eq!(length["length"]["keys"], OLD_ENTRIES + sent as u64);
    assert_eq!(entry(node, "old-00"), ("old".to_owned(), 0));
    let mut revisions = Vec::new();
    for (client, replies) in clients.iter().enumerate() {
        assert!(replies.first().unwrap().generation < replies.last().unwrap().generation);
        for (reply, sequence) in replies.iter().zip(1..) {
            let (value, revision) = entry(node, &key(client, sequence));
            assert_eq!(value, "new");
            assert_eq!(
                revision == 0,
                reply.generation == Generation(1),
                "{revision}"
            );
            revisions.extend((revision > 0).then_some(revision));
        }
    }
    revisions.sort_unstable();
    assert!(
        revisions.iter().copied().eq(1..=revisions.len() as u64),
        "each write once"
    );
}

/// A repeat gets the recorded reply, word for word, also from before the swap; nothing is done again.
fn assert_repeats(node: &Harness, clients: &[Vec<Replied>]) {
    let before = node.states();
    for (client, replies) in clients.iter().enumerate() {
        let old = replies
            .iter()
            .rposition(|reply| reply.generation == Generation(1))
            .unwrap();
        for (index, first) in [
            (old, &replies[old]),
            (replies.len() - 1, replies.last().unwrap()),
        ] {
            let sequence = index as u64 + 1;
            let message = put(&key(client, sequence), "new");
            let again = node.send_keyed("kv", &request(client, sequence).to_string(), message);
            assert_eq!(
                again.unwrap(),
                Replied {
                    repeated: true,
                    ..first.clone()
                }
            );
        }
    }
    assert_eq!(node.states(), before);
}
