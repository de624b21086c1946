//! The rules of the engines themselves, without a node: their code is linked in and executes blocks.

use refit_abi::export::LinkedModule;
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Height, Serialize, State};
use refit_kernel::crew::Helpers;
use refit_kernel::{BlockInput, Configuration, Executor, GenerationTable, Ingress};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Messages that a random run sends.
const MESSAGES: u64 = 4_000;

/// Messages of one block.
const BLOCK: u64 = 8;

/// One root engine and those that it starts.
struct Bench {
    module: Module,
    executor: Executor,
    root: EngineId,
    height: u64,
}

impl Bench {
    fn start(module: LinkedModule, kind: &str, config: Value) -> Self {
        let module = Module::linked(module).unwrap();
        let mut executor = Executor::new(GenerationTable::first(module.kinds().collect()));
        let (root, config) = (EngineId::root(kind).unwrap(), config.to_string());
        let config = Configuration::json(config.as_bytes());
        executor
            .start(root, kind, config, BlockFrame::default())
            .unwrap();
        Self {
            module,
            executor,
            root,
            height: 0,
        }
    }

    /// Executes one block of messages to the root engine; the reply of each, or the code of its fault.
    fn block(&mut self, messages: &[Value]) -> Vec<Result<Value, String>> {
        let to = |message: &Value| (self.root, message.clone());
        let messages: Vec<_> = messages.iter().map(to).collect();
        self.block_to(&messages)
    }

    fn block_to(&mut self, messages: &[(EngineId, Value)]) -> Vec<Result<Value, String>> {
        self.height += 1;
        let frame = BlockFrame {
            height: Height(self.height),
            time: BlockTime(self.height),
            ..BlockFrame::default()
        };
        let ingress = |(engine, message): &(EngineId, Value)| Ingress {
            engine: *engine,
            client: ClientId::of("test"),
            share: refit_kernel::Share::default(),
            sequence: None,
            codec: Codec::Json,
            payload: message.to_string().into_bytes(),
        };
        let messages = messages.iter().map(ingress).collect();
        let input = BlockInput {
            frame,
            messages,
            ..BlockInput::default()
        };
        let mut outcome = self.executor.execute(&Helpers::none(), input);
        assert_eq!((outcome.stats.dead_letters, outcome.stats.poisoned), (0, 0));
        outcome.replies.sort_by_key(|reply| reply.asker);
        let read = |reply: refit_kernel::Replied| match reply.outcome {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
            Err(error) => Err(error.to_string()),
        };
        outcome.replies.into_iter().map(read).collect()
    }

    fn ask(&self, engine: EngineId, query: Value) -> Value {
        let query = query.to_string();
        let answer = self.executor.query(engine, Codec::Json, query.as_bytes());
        serde_json::from_slice(&answer.unwrap()).unwrap()
    }

    /// The engine that the root engine has started.
    fn child(&self) -> EngineId {
        self.root.child(0)
    }

    /// Asserts that every state passes its check and comes back from its bytes as it was.
    fn check_all(&mut self) {
        for (id, bytes) in self.executor.encode_states().unwrap() {
            let kind = match id == self.root {
                true => self.module.kinds().next(),
                false => self.module.kinds().nth(1),
            };
            let kind = kind.unwrap();
            let state = kind.decode(&bytes).unwrap();
            kind.check(&state).unwrap();
            let mut again = Vec::new();
            kind.encode(&state, &mut again).unwrap();
            assert_eq!(again, bytes);
            kind.discard(state).unwrap();
        }
    }
}

/// Knuth's MMIX generator; its high bits choose.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Runs the check of `kind` on a state with these bytes.
fn checked<S: Serialize>(module: LinkedModule, kind: &str, state: &S) -> Result<(), String> {
    let module = Module::linked(module).unwrap();
    let kind = module.kind(kind).unwrap();
    let bytes = postcard::to_stdvec(state).unwrap();
    let state = kind.decode(&bytes).unwrap();
    let said = kind.check(&state).map_err(|error| error.to_string());
    kind.discard(state).unwrap();
    said
}

fn assert_says(said: &Result<impl std::fmt::Debug, String>, code: &str) {
    let error = said.as_ref().unwrap_err();
    assert!(error.contains(code), "`{code}` in {error}");
}

#[test]
fn an_index_has_every_key_of_its_store_under_its_value_after_any_block() {
    let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
    let mut random = Random(1);
    for _ in 0..MESSAGES / BLOCK {
        let next = store.height + 2;
        let mut message = || {
            let key = format!("k{}", random.below(12));
            let value = format!("v{}", random.below(4));
            match random.below(8) {
                0 | 1 => json!({"delete": {"key": key}}),
                2 => json!({"expire_at": {"key": key, "height": next + random.below(3)}}),
                3 => json!({"compare_and_set": {"key": key, "expected": null, "value": value}}),
                _ => json!({"put": {"key": key, "value": value}}),
            }
        };
        let messages: Vec<_> = (0..BLOCK).map(|_| message()).collect();
        store.block(&messages);
        assert_indexed(&store);
    }
    store.check_all();
}

fn assert_indexed(store: &Bench) {
    let range = json!({"range": {"from": "", "to": null, "limit": 100}});
    let entries = store.ask(store.root, range);
    let mut expected: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let entries = entries["entries"]["entries"].as_array().unwrap();
    for entry in entries {
        let value = entry["value"].as_str().unwrap();
        expected.entry(value).or_default().push(&entry["key"]);
    }
    for number in 0..4 {
        let value = format!("v{number}");
        let keys = expected.get(value.as_str()).cloned().unwrap_or_default();
        let answer = store.ask(
            store.child(),
            json!({"keys_with": {"value": value, "limit": 100}}),
        );
        assert_eq!(answer["keys"], json!({"keys": keys, "more": false}));
    }
    let length = json!({"length": {"keys": entries.len(), "values": expected.len()}});
    assert_eq!(store.ask(store.child(), json!("length")), length);
}

#[test]
fn a_range_is_cut_at_its_bytes_and_goes_on_from_its_last_key_without_loss_or_repeat() {
    let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
    let put = |key: &str, bytes: usize| json!({"put": {"key": key, "value": "x".repeat(bytes)}});
    let sizes = [2_000_000, 10, 600_000, 500_000, 400_000, 0, 3_000_000];
    let keys: Vec<_> = (0..sizes.len())
        .map(|number| format!("k{number}"))
        .collect();
    let puts: Vec<_> = keys
        .iter()
        .zip(sizes)
        .map(|(key, size)| put(key, size))
        .collect();
    store.block(&puts);
    let (mut from, mut seen, mut pages) = (String::new(), Vec::new(), Vec::new());
    loop {
        let query = json!({"range": {"from": from, "to": null, "limit": 1000}});
        let page = store.ask(store.root, query)["entries"].clone();
        let entries = page["entries"].as_array().unwrap();
        pages.push(entries.len());
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["key"].as_str().unwrap().to_owned()),
        );
        if page["more"] == json!(false) {
            break;
        }
        from = format!("{}\u{0}", seen.last().unwrap());
    }
    assert_eq!(seen, keys);
    assert_eq!(pages, [1, 2, 3, 1]);
}

/// Executes empty blocks up to a height.
fn wait_for(store: &mut Bench, height: u64) {
    while store.height < height {
        store.block(&[]);
    }
}

fn value(store: &Bench, key: &str) -> Value {
    let entry = store.ask(store.root, json!({"get": {"key": key}}));
    entry["value"]["entry"]["value"].clone()
}

#[test]
fn an_expiry_goes_with_its_key_and_takes_nothing_that_is_put_later() {
    let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
    let put = |value: &str| json!({"put": {"key": "a", "value": value}});
    let expire_at = |height: u64| json!({"expire_at": {"key": "a", "height": height}});
    let delete = json!({"delete": {"key": "a"}});
    store.block(&[put("old"), expire_at(5), delete.clone(), put("new")]);
    wait_for(&mut store, 8);
    assert_eq!(value(&store, "a"), "new");
    // The key may expire at the very height that was taken back, and once more after it went.
    store.block(&[expire_at(12), delete, put("newer"), expire_at(12)]);
    wait_for(&mut store, 12);
    assert_eq!(value(&store, "a"), "newer");
    wait_for(&mut store, 13);
    assert_eq!(value(&store, "a"), Value::Null);
    store.block(&[put("newest")]);
    wait_for(&mut store, 20);
    assert_eq!(value(&store, "a"), "newest");
    store.check_all();
}

#[test]
fn a_later_expiry_of_a_key_stands_for_the_earlier_one() {
    for (first, second) in [(4, 8), (8, 4)] {
        let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
        let expire_at = |height: u64| json!({"expire_at": {"key": "a", "height": height}});
        let put = json!({"put": {"key": "a", "value": "1"}});
        store.block(&[put, expire_at(first), expire_at(second)]);
        wait_for(&mut store, second);
        assert_eq!(value(&store, "a"), "1", "{first}, then {second}");
        wait_for(&mut store, second + 1);
        assert_eq!(value(&store, "a"), Value::Null, "{first}, then {second}");
        wait_for(&mut store, 10);
        store.check_all();
    }
}

#[test]
fn a_store_holds_as_many_keys_as_it_was_told_and_refuses_the_next() {
    let mut store = Bench::start(refit_kv::module(), "kv", json!({"keys_max": 2}));
    let put = |key: &str| json!({"put": {"key": key, "value": "1"}});
    let set = json!({"compare_and_set": {"key": "d", "expected": null, "value": "1"}});
    let said = store.block(&[put("a"), put("b"), put("c"), set, put("a")]);
    assert_says(&said[2], "keys-full");
    assert_says(&said[3], "keys-full");
    assert!(said[4].is_ok(), "a key that is there may change: {said:?}");
    let delete = json!({"delete": {"key": "b"}});
    assert!(store.block(&[delete, put("c")]).iter().all(Result::is_ok));
    let length = store.ask(store.root, json!("length"));
    assert_eq!(length, json!({"length": {"keys": 2}}));
    assert_eq!(value(&store, "b"), Value::Null);
}

#[test]
fn the_sum_of_accounts_changes_by_mints_alone_and_the_holds_have_what_is_held() {
    let mut bank = Bench::start(refit_accounts::module(), "accounts", json!({}));
    let mut random = Random(2);
    let (mut minted, mut mints, mut done) = (0, 0, 0);
    for _ in 0..MESSAGES / BLOCK {
        let next = bank.height + 1;
        let (mut messages, mut asked) = (Vec::new(), Vec::new());
        for _ in 0..BLOCK {
            let name = |number| format!("a{number}");
            let (one, other) = (name(random.below(5)), name(random.below(5)));
            let amount = random.below(40);
            let id = random.below(MESSAGES / 20);
            messages.push(match random.below(8) {
                0 => {
                    let number = mints + random.below(3);
                    let right = number == mints + 1 && amount > 0;
                    (mints, minted) =
                        (mints + u64::from(right), minted + amount * u64::from(right));
                    asked.push((messages.len(), right));
                    json!({"mint": {"number": number, "to": one, "amount": amount}})
                }
                1 | 2 => json!({"transfer": {"from": one, "to": other, "amount": amount}}),
                3 | 4 => json!({"place": {
                    "account": one, "to": other, "amount": amount, "until": next + random.below(9)
                }}),
                5 => json!({"release": {"id": id}}),
                _ => json!({"capture": {"id": id}}),
            });
        }
        let replies = bank.block(&messages);
        for (place, right) in asked {
            assert_eq!(
                replies[place].is_ok(),
                right,
                "{} {replies:?}",
                messages[place]
            );
        }
        done += replies.iter().filter(|reply| reply.is_ok()).count();
        let supply = bank.ask(bank.root, json!("supply"))["supply"].clone();
        let number = |name: &str| supply[name].as_u64().unwrap();
        assert_eq!(number("available") + number("held"), minted);
        assert_eq!(number("minted"), minted);
        let total = bank.ask(bank.child(), json!("total"));
        assert_eq!(total["total"]["amount"], supply["held"]);
    }
    assert!(
        done as u64 > MESSAGES / 3 && minted > 0,
        "{done} did something"
    );
    bank.check_all();
}

#[test]
fn money_is_made_by_the_next_mint_alone_and_never_more_than_the_supply() {
    let mut bank = Bench::start(
        refit_accounts::module(),
        "accounts",
        json!({"supply_max": 100}),
    );
    let mint =
        |number: u64, amount: u64| json!({"mint": {"number": number, "to": "a", "amount": amount}});
    let said = bank.block(&[
        mint(1, 60),
        mint(1, 10),
        mint(3, 10),
        mint(2, 41),
        mint(2, 40),
    ]);
    assert_eq!(said[0], Ok(json!({"minted": {"minted": 60}})));
    assert_says(&said[1], "not-the-next-mint");
    assert_says(&said[2], "not-the-next-mint");
    assert_says(&said[3], "supply-spent");
    assert_eq!(said[4], Ok(json!({"minted": {"minted": 100}})));
}

#[test]
fn a_hold_is_captured_up_to_its_height_and_released_after_it() {
    let mut bank = Bench::start(refit_accounts::module(), "accounts", json!({}));
    let place =
        |until: u64| json!({"place": {"account": "a", "to": "b", "amount": 5, "until": until}});
    let mint = json!({"mint": {"number": 1, "to": "a", "amount": 10}});
    bank.block(&[mint, place(2), place(2)]);
    let balances = |bank: &Bench| {
        let of = |account: &str| {
            let answer = bank.ask(bank.root, json!({"balance": {"account": account}}));
            let number = |name: &str| answer["balance"][name].as_u64().unwrap();
            (number("available"), number("held"))
        };
        [of("a"), of("b")]
    };
    assert_eq!(balances(&bank), [(0, 10), (0, 0)]);
    bank.block(&[json!({"capture": {"id": 1}})]);
    assert_eq!(balances(&bank), [(0, 5), (5, 0)]);
    bank.block(&[json!({"capture": {"id": 2}}), json!({"capture": {"id": 2}})]);
    assert_eq!(balances(&bank), [(5, 0), (5, 0)]);
}

#[test]
fn what_only_engines_say_to_each_other_no_client_may_say() {
    let mut bank = Bench::start(refit_accounts::module(), "accounts", json!({}));
    bank.block(&[json!({"mint": {"number": 1, "to": "a", "amount": 10}})]);
    let settle = json!({"settle": {"id": 1, "account": "a", "to": "b", "amount": 5}});
    let hold = json!({"account": "a", "to": "b", "amount": 5, "until": 9});
    let place = json!({"place": {"id": 1, "hold": hold}});
    let (root, child) = (bank.root, bank.child());
    for said in bank.block_to(&[(root, settle), (child, place)]) {
        assert_says(&said, "not-yours");
    }
    let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
    let changed = json!({"key": "k", "before": null, "after": "v"});
    let (root, child) = (store.root, store.child());
    let expire = json!({"expire": {"height": 1}});
    for said in store.block_to(&[(child, changed), (root, expire)]) {
        assert_says(&said, "not-yours");
    }
}

#[test]
fn keys_expire_at_one_height_however_many_and_long_they_are() {
    for (keys, bytes) in [(20_000, 8), (12, 1 << 20)] {
        let mut store = Bench::start(refit_kv::module(), "kv", json!({}));
        let value = "v".repeat(bytes);
        let name = |number: u64| format!("key-{number}");
        let puts: Vec<_> = (0..keys)
            .map(|n| json!({"put": {"key": name(n), "value": value}}))
            .collect();
        let expiries: Vec<_> = (0..keys)
            .map(|n| json!({"expire_at": {"key": name(n), "height": 40}}))
            .collect();
        for messages in puts.chunks(1_000).chain(expiries.chunks(1_000)) {
            assert!(store.block(messages).iter().all(Result::is_ok));
        }
        let length =
            |store: &Bench| store.ask(store.root, json!("length"))["length"]["keys"].clone();
        while store.height < 41 {
            assert_eq!(length(&store), keys);
            store.block(&[]);
        }
        for _ in 0..8 {
            store.block(&[]);
        }
        assert_eq!(length(&store), 0);
        let index = store.ask(store.child(), json!("length"));
        assert_eq!(index, json!({"length": {"keys": 0, "values": 0}}));
        store.check_all();
    }
}

#[test]
fn the_checks_name_what_does_not_hold() {
    let engine = EngineId::root("e").unwrap();
    let accounts = |balance: u64, held: u64| {
        let accounts = BTreeMap::from([("a", (balance, held))]);
        let state = (accounts, 10_u64, 1_u64, 100_u64, 0_u64, engine);
        checked(refit_accounts::module(), "accounts", &state)
    };
    assert_eq!(accounts(7, 3), Ok(()));
    assert_says(&accounts(7, 4), "sum-changed");

    let holds = |amount: u64, sum: u64| {
        let holds = BTreeMap::from([(1_u64, ("a", "b", amount, 9_u64))]);
        checked(refit_accounts::module(), "holds", &(engine, holds, sum))
    };
    assert_eq!(holds(5, 5), Ok(()));
    assert_says(&holds(5, 6), "sum-changed");
    assert_says(&holds(0, 0), "hold-of-nothing");

    let index = |values: &[(&str, &[&str])], keys: u64| {
        let values: BTreeMap<_, Vec<_>> =
            values.iter().map(|(v, keys)| (v, keys.to_vec())).collect();
        checked(refit_kv::module(), "index", &(engine, values, keys))
    };
    assert_eq!(index(&[("v", &["a", "b"]), ("w", &["c"])], 3), Ok(()));
    assert_says(&index(&[("v", &[])], 0), "index-miscounted");
    assert_says(&index(&[("v", &["a"])], 2), "index-miscounted");

    let kv = |revision: u64, expiring: &[&str], deadlines: &[(&str, u64)]| {
        let entries = BTreeMap::from([("k", ("value", revision))]);
        let expiries = BTreeMap::from([(9_u64, expiring.to_vec())]);
        let deadlines: BTreeMap<_, _> = deadlines.iter().copied().collect();
        let state = (entries, expiries, deadlines, 0_u64, 4_u64, engine);
        checked(refit_kv::module(), "kv", &state)
    };
    assert_eq!(kv(4, &["k"], &[("k", 9)]), Ok(()));
    assert_eq!(kv(4, &["gone"], &[]), Ok(()));
    assert_says(&kv(5, &[], &[]), "revision-ahead");
    assert_says(&kv(4, &[], &[("k", 9)]), "expiry-lost");
    assert_says(&kv(4, &["k"], &[("k", 8)]), "expiry-lost");
    assert_says(&kv(4, &["gone"], &[("gone", 9)]), "expiry-lost");
}

/// A mirror is good as long as its schemas are those of what it mirrors.
#[test]
fn the_mirrors_of_kv_in_accounts_have_its_schemas() {
    use refit_accounts::kv;
    assert_eq!(kv::Message::schema_id(), refit_kv::Message::schema_id());
    assert_eq!(kv::v3::Query::schema_id(), refit_kv::Query::schema_id());
    assert_eq!(kv::v3::Answer::schema_id(), refit_kv::Answer::schema_id());
    assert_ne!(kv::Query::schema_id(), refit_kv::Query::schema_id());
}
