//! Types of engines for the tests beside this file, as their authors would write them.

use refit_abi::descriptor::{
    Descriptor, InterfaceDescriptor, InterfaceWords, KindDescriptor, MigrationDescriptor,
};
use refit_abi::schema::{Describer, SchemaId, Type};
use refit_abi::{Deserialize, Height, Serialize, State, StateKey};
use refit_author::attributes::SerdeAttributes;
use refit_author::lock::{Interface, Part, Published};
use refit_author::types::layoutless;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

/// The description of `T`.
pub(crate) fn described<T: State>() -> Type {
    T::describe(&mut Describer::default())
}

/// A state of version 1.
pub(crate) fn first() -> Type {
    #[derive(State, Serialize, Deserialize)]
    #[state(version = 1)]
    struct Kv {
        entries: BTreeMap<String, String>,
        expiries: BTreeMap<Height, BTreeSet<String>>,
        hits: u32,
    }
    described::<Kv>()
}

/// Its version 2: `entries` changed its type, `hits` is gone, `revision` is new.
pub(crate) fn second() -> Type {
    second_as::<2>()
}

/// [`second`] with version 1's number: what an author forgets.
pub(crate) fn second_unnumbered() -> Type {
    second_as::<1>()
}

fn second_as<const VERSION: u32>() -> Type {
    #[derive(State, Serialize, Deserialize)]
    struct Kv {
        entries: BTreeMap<String, Versioned>,
        expiries: BTreeMap<Height, BTreeSet<String>>,
        revision: u64,
    }
    #[derive(State, Serialize, Deserialize)]
    struct Versioned {
        value: String,
        revision: u64,
    }
    match described::<Kv>() {
        Type::Struct {
            name,
            fields,
            shape,
            ..
        } => Type::Struct {
            name,
            version: VERSION,
            fields,
            shape,
        },
        other => other,
    }
}

/// A state without field names.
#[derive(State, Serialize, Deserialize)]
pub(crate) struct Tuple(u8);

/// Every form that a state's types may have.
pub(crate) fn many_shapes() -> Type {
    mod other {
        use super::{Deserialize, Serialize, State};

        #[derive(State, Serialize, Deserialize)]
        pub(super) struct Entry(pub(super) u8, pub(super) Option<Box<Entry>>);
    }
    #[derive(State, StateKey, Serialize, Deserialize)]
    enum Place {
        Nowhere,
        At(u8, Point),
        Named { r#type: String },
    }
    #[derive(State, StateKey, Serialize, Deserialize)]
    struct Point {
        x: i64,
        y: i64,
    }
    #[derive(State, Serialize, Deserialize)]
    enum Level {
        Low = 3,
        High = -7,
    }
    #[derive(State, Serialize, Deserialize)]
    #[state(name = "an odd name")]
    struct Entry {
        tree: Vec<Tree>,
        #[state(serde)]
        rate: f64,
        #[state(float)]
        weights: BTreeMap<u8, (Vec<f64>, Option<f32>)>,
    }
    #[derive(State, Serialize, Deserialize)]
    struct Tree {
        children: VecDeque<Tree>,
        leaf: Option<Leaf>,
    }
    #[derive(State, Serialize, Deserialize)]
    struct Leaf {
        up: Vec<Tree>,
    }
    #[derive(State, Serialize, Deserialize)]
    struct Pair<A, B> {
        a: A,
        b: (B,),
    }
    #[derive(State, Serialize, Deserialize)]
    struct Sized<const N: usize> {
        number: u16,
    }
    #[derive(State, Serialize, Deserialize)]
    #[state(version = 1)]
    struct Shapes {
        places: BTreeMap<(Place, u8), Level>,
        entry: Entry,
        other: other::Entry,
        leaf: Leaf,
        pairs: (Pair<u8, u16>, Pair<String, [u8; 3]>),
        three: Sized<3>,
        four: Sized<4>,
        text: Box<str>,
        bytes: Result<Box<[u8]>, ()>,
        mark: PhantomData<Point>,
        height: Height,
        nothing: Unit,
    }
    #[derive(State, Serialize, Deserialize)]
    struct Unit;
    described::<Shapes>()
}

/// A published version with nothing but its state.
pub(crate) fn published(version: u32, state: Type) -> Published {
    let none = || Part {
        schema: SchemaId::default(),
        described: None,
    };
    Published {
        version,
        package_version: format!("{version}.0.0"),
        module: format!("v{version}"),
        schema: state.schema_id(),
        layout: state.layout_id("a-commit"),
        compiler: "a-toolchain/1 a-target".to_owned(),
        state: layoutless(&state),
        interface: Interface {
            config: none(),
            message: none(),
            reply: none(),
            query: none(),
            answer: none(),
        },
        frozen_message: None,
        serde: SerdeAttributes::new(),
        message_serde: None,
    }
}

/// A module that holds the kind `kv` with this state and a step from each of `from`.
pub(crate) fn built(state: Type, from: &[Type]) -> Descriptor {
    let version = match &state {
        Type::Struct { version, .. } => *version,
        _ => 0,
    };
    let none = unit().schema_id();
    let kind = KindDescriptor {
        kind: "kv".to_owned(),
        version,
        schema: state.schema_id(),
        layout: state.layout_id("a-commit"),
        crosses_as_bytes: state.has_serde_field(),
        state,
        config: none,
        message: none,
        reply: none,
        query: none,
        answer: none,
        interface: InterfaceDescriptor {
            config: unit(),
            message: unit(),
            reply: unit(),
            query: unit(),
            answer: unit(),
        },
        words: InterfaceWords::default(),
        older_messages: Vec::new(),
        upgrade_message: None,
        after: Vec::new(),
        rollback: false,
        needs: Vec::new(),
        migrations: from.iter().map(migration).collect(),
        ways_back: Vec::new(),
    };
    Descriptor {
        abi_epoch: 1,
        compiler_release: "1".to_owned(),
        compiler_commit: "a-commit".to_owned(),
        toolchain: "a-toolchain".to_owned(),
        layout_epoch: "1".to_owned(),
        target: "a-target".to_owned(),
        panic_mode: "unwind".to_owned(),
        build_id: "1".to_owned(),
        release_id: None,
        transforms_snapshot: false,
        package: "kv".to_owned(),
        package_version: format!("{version}.0.0"),
        kinds: vec![kind],
    }
}

fn unit() -> Type {
    Type::Scalar {
        name: "()".to_owned(),
        shape: refit_abi::schema::Shape::of::<()>(),
    }
}

fn migration(from: &Type) -> MigrationDescriptor {
    MigrationDescriptor {
        from_schema: from.schema_id(),
        from_layout: from.layout_id("a-commit"),
        from: from.clone(),
        by_hand: true,
        steps: 1,
        defaults_only: false,
        moved: Vec::new(),
        fresh: Vec::new(),
        dropped: Vec::new(),
    }
}
