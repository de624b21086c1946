//! The view of a reader of the log: all events in order, or an error that some are missing.

use super::*;
use refit_abi::EngineId;

fn block(height: u64) -> EventBlock {
    on_branch(0, height)
}

fn on_branch(branch: u64, height: u64) -> EventBlock {
    EventBlock {
        branch: Branch(branch),
        height: Height(height),
        time: BlockTime(height * 10),
        generation: Generation(1),
    }
}

fn emitted(payload: &str) -> Emitted {
    Emitted {
        engine: EngineId::root("auction").unwrap(),
        topic: "closed".to_owned(),
        payload: payload.as_bytes().to_vec(),
    }
}

fn shown(page: &[Arc<Event>]) -> Vec<String> {
    let shown = |event: &Arc<Event>| format!("{} {}", event.id, event.event.get());
    page.iter().map(shown).collect()
}

#[test]
fn who_comes_back_goes_on_behind_what_it_saw_and_misses_nothing() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    writer.add(block(1), vec![emitted("1"), emitted("2")]);
    writer.add(block(2), Vec::new());
    writer.add(block(3), vec![emitted("[3]")]);
    let all = log.after(EventId::default(), usize::MAX).unwrap();
    assert_eq!(shown(&all), ["0.1.0 1", "0.1.1 2", "0.3.0 [3]"]);
    for (at, event) in all.iter().enumerate() {
        let rest = log.after(event.id, usize::MAX).unwrap();
        assert_eq!(shown(&rest), shown(&all[at + 1..]));
    }
    // One at a time, whatever little is asked for.
    assert_eq!(shown(&log.after(all[0].id, 0).unwrap()), ["0.1.1 2"]);
}

#[test]
fn a_reader_is_woken_by_blocks_with_events_and_told_when_none_will_follow() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    let mut newest = log.newest();
    writer.add(block(1), Vec::new());
    assert!(!newest.has_changed().unwrap());
    writer.add(block(2), vec![emitted("1")]);
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), EventId::end_of(0, Height(2)));
    drop(writer);
    assert!(newest.has_changed().is_err());
}

#[test]
fn what_is_kept_is_bounded_in_bytes_and_a_reader_that_falls_behind_is_told() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    let long = format!("{:?}", "x".repeat(1 << 20));
    let mut forgotten = 0;
    for height in 1..=100 {
        forgotten += writer.add(block(height), vec![emitted(&long)]);
    }
    let kept = log.kept.lock().events.len() as u64;
    assert!((1..=64).contains(&kept), "{kept}");
    assert_eq!(kept + forgotten, 100);
    let refusal = log.after(EventId::default(), 1).unwrap_err();
    assert_eq!(
        (refusal.status, refusal.why.code.as_str()),
        (410, "events-forgotten")
    );
    let oldest = log.after(log.oldest(), 1).unwrap();
    assert_eq!(oldest[0].id.height, Height(forgotten + 1));
}

#[test]
fn an_id_that_the_node_has_not_come_to_is_refused_instead_of_awaited_for_ever() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    writer.add(block(7), Vec::new());
    assert!(
        log.after(EventId::end_of(0, Height(7)), 1)
            .unwrap()
            .is_empty()
    );
    for ahead in [EventId::end_of(0, Height(8)), EventId::end_of(1, Height(0))] {
        assert_eq!(log.after(ahead, 1).unwrap_err().why.code, "event-ahead");
    }
}

#[test]
fn what_is_no_json_is_shown_as_a_text_and_breaks_no_line() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    writer.add(block(1), vec![emitted("{"), emitted("1\nid: 9.9.9")]);
    let page = log.after(EventId::default(), usize::MAX).unwrap();
    assert_eq!(shown(&page), [r#"0.1.0 "{""#, r#"0.1.1 "1\nid: 9.9.9""#]);
}

#[test]
fn an_event_is_of_the_branch_that_its_blocks_header_names() {
    let Events { log, writer } = log(Branch::default(), Height(0));
    writer.add(block(5), vec![emitted("1")]);
    writer.add(on_branch(2, 4), vec![emitted("2")]);
    let all = log.after(EventId::default(), usize::MAX).unwrap();
    assert_eq!(shown(&all), ["0.5.0 1", "2.4.0 2"]);
    assert_eq!(*log.newest().borrow(), EventId::end_of(2, Height(4)));
    assert!(log.after(EventId::end_of(1, Height(9)), usize::MAX).is_ok());
    let ahead = log.after(EventId::end_of(2, Height(5)), usize::MAX);
    assert_eq!(ahead.unwrap_err().why.code, "event-ahead");
}
