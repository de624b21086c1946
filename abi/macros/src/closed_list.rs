//! The types that a state cannot hold, refused by name at any depth of a field's type, each with
//! the reason and what to use instead.
//!
//! The list of what is *allowed* is the implementations of `State`; this file only gives the types
//! that authors reach for a sentence of their own. It judges a path by its last name, which may be
//! wrong in both directions: an alias of a refused type is caught by the trait, and an author's own
//! type with a refused name is let through when it is written with `self::`, `super::` or `crate::`.

use crate::errors::Errors;
use syn::{
    AngleBracketedGenericArguments, Expr, ExprLit, GenericArgument, Lit, Path, PathArguments,
    ReturnType, Type, TypeArray, TypePath,
};

/// Most elements of an array: the implementations of `State` and of serde's traits end there.
const ARRAY_LENGTH_MAX: u64 = 32;

/// A group of names that are refused for one reason.
struct Refusal {
    names: &'static [&'static str],
    /// Whether the standard type has type arguments: one without is an author's own.
    generic: bool,
    because: &'static str,
    instead: &'static str,
}

const INTERIOR: &str = "it changes behind a shared reference, and its memory may hold what \
                        belongs to the library that made it";
const PLAIN: &str = "the plain value: a handler has `&mut self`";
const FOREIGN: &str = "the standard library may give it another memory layout in another build";

const UNORDERED: &str =
    "its order differs between nodes, and an empty one points into the library that made it";
const HASHED: &str = "it is built from the crate `hashbrown`, and an empty one points into the \
                      library that made it";

const REFUSED: &[Refusal] = &[
    Refusal {
        names: &["HashMap", "FxHashMap", "AHashMap"],
        generic: true,
        because: UNORDERED,
        instead: "`BTreeMap`",
    },
    Refusal {
        names: &["HashSet", "FxHashSet", "AHashSet"],
        generic: true,
        because: UNORDERED,
        instead: "`BTreeSet`",
    },
    Refusal {
        names: &["IndexMap"],
        generic: true,
        because: HASHED,
        instead: "`BTreeMap`",
    },
    Refusal {
        names: &["IndexSet"],
        generic: true,
        because: HASHED,
        instead: "`BTreeSet`",
    },
    Refusal {
        names: &["Rc", "Arc", "Weak"],
        generic: true,
        because: "its target may be a static of the library that made it",
        instead: "the value itself, or the `EngineId` of the engine that owns it",
    },
    Refusal {
        names: &["Cow"],
        generic: true,
        because: "it may borrow from the library that made it",
        instead: "`String` or `Vec`",
    },
    Refusal {
        names: &[
            "Cell",
            "RefCell",
            "UnsafeCell",
            "OnceCell",
            "LazyCell",
            "Mutex",
            "RwLock",
            "OnceLock",
            "LazyLock",
            "Atomic",
        ],
        generic: true,
        because: INTERIOR,
        instead: PLAIN,
    },
    Refusal {
        names: &[
            "AtomicBool",
            "AtomicU8",
            "AtomicU16",
            "AtomicU32",
            "AtomicU64",
            "AtomicUsize",
            "AtomicI8",
            "AtomicI16",
            "AtomicI32",
            "AtomicI64",
            "AtomicIsize",
        ],
        generic: false,
        because: INTERIOR,
        instead: PLAIN,
    },
    Refusal {
        names: &["AtomicPtr", "NonNull"],
        generic: true,
        because: "a pointer into another library dangles once that is unmapped",
        instead: "the value itself, or `Box`",
    },
    Refusal {
        names: &["ManuallyDrop", "MaybeUninit"],
        generic: true,
        because: "the next generation cannot know whether there is a value in it",
        instead: "`Option`",
    },
    Refusal {
        names: &["LinkedList"],
        generic: true,
        because: FOREIGN,
        instead: "`VecDeque`",
    },
    Refusal {
        names: &["BinaryHeap"],
        generic: true,
        because: "its order among equals is not fixed, so two nodes may differ",
        instead: "`BTreeSet`, with a counter in the key if equals may be in it twice",
    },
    Refusal {
        names: &["f32", "f64"],
        generic: false,
        because: "the results of float arithmetic may differ between nodes",
        instead: "an integer with its unit in the name, such as `price_cents: i64`, or write `#[state(float)]` \
                  on the field",
    },
    Refusal {
        names: &["Instant", "SystemTime"],
        generic: false,
        because: "a clock differs between nodes and runs on while a block is replayed",
        instead: "`BlockTime`, from the context",
    },
    Refusal {
        names: &["Duration"],
        generic: false,
        because: FOREIGN,
        instead: "an integer with its unit in the name, such as `timeout_ms: u64`",
    },
    Refusal {
        names: &["OsString", "PathBuf"],
        generic: false,
        because: "its bytes depend on the machine, and an engine opens no files",
        instead: "`String`",
    },
];

/// Refuses every type inside `ty` that a state cannot hold.
pub(crate) fn check(ty: &Type, errors: &mut Errors) {
    match ty {
        Type::Array(array) => {
            check_length(array, errors);
            check(&array.elem, errors);
        }
        Type::Slice(slice) => check(&slice.elem, errors),
        Type::Group(group) => check(&group.elem, errors),
        Type::Paren(paren) => check(&paren.elem, errors),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| check(elem, errors)),
        Type::Path(path) => check_path(path, errors),
        Type::Reference(reference) => errors.refuse(
            reference,
            "a reference cannot be part of a state: its target belongs to the library that \
             made it; use `String`, `Vec` or the value itself",
        ),
        Type::Ptr(pointer) => errors.refuse(
            pointer,
            "a raw pointer cannot be part of a state: it dangles once the library that made it is \
             unmapped; use the value itself, or `Box`",
        ),
        Type::BareFn(function) => errors.refuse(
            function,
            "a function pointer cannot be part of a state: it points into the code that is \
             replaced; use an enum of what can be done, and match on it in the handler",
        ),
        Type::TraitObject(object) => errors.refuse(
            object,
            "`dyn` cannot be part of a state: it points into the code that is replaced; use an \
             enum with a variant for each case",
        ),
        _ => {}
    }
}

/// Refuses a length that serde does not read, where it is written as a number; what a constant says only the
/// compiler knows.
fn check_length(array: &TypeArray, errors: &mut Errors) {
    let Expr::Lit(ExprLit {
        lit: Lit::Int(length),
        ..
    }) = &array.len
    else {
        return;
    };
    if length
        .base10_parse::<u64>()
        .is_ok_and(|length| length > ARRAY_LENGTH_MAX)
    {
        let sentence = format!(
            "an array in a state has at most {ARRAY_LENGTH_MAX} elements, as many as serde reads; write arrays of \
             arrays, such as `[[u8; 32]; 2]` for 64 bytes, or `Vec`"
        );
        errors.refuse(array, sentence);
    }
}

/// Checks the type of a field that crosses as bytes: any that serde carries, if it does not change behind a
/// shared reference. A query must not change the state, nor may a transition that reads it.
pub(crate) fn check_as_bytes(ty: &Type, errors: &mut Errors) {
    match ty {
        Type::Path(ty) => {
            if !is_own(&ty.path) {
                let which = |refusal: &Refusal| [INTERIOR, UNORDERED].contains(&refusal.because);
                refuse_names(&ty.path, which, errors);
            }
            let segments = ty.path.segments.iter();
            let arguments = segments.filter_map(|segment| match &segment.arguments {
                PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
                PathArguments::None | PathArguments::Parenthesized(_) => None,
            });
            for argument in arguments.flatten() {
                if let GenericArgument::Type(ty) = argument {
                    check_as_bytes(ty, errors);
                }
            }
        }
        Type::Tuple(ty) => ty.elems.iter().for_each(|ty| check_as_bytes(ty, errors)),
        Type::Array(ty) => check_as_bytes(&ty.elem, errors),
        Type::Group(ty) => check_as_bytes(&ty.elem, errors),
        Type::Paren(ty) => check_as_bytes(&ty.elem, errors),
        _ => {}
    }
}

fn check_path(ty: &TypePath, errors: &mut Errors) {
    if let Some(qself) = &ty.qself {
        check(&qself.ty, errors);
    } else if !is_own(&ty.path) {
        refuse_names(&ty.path, |_| true, errors);
    }
    ty.path
        .segments
        .iter()
        .for_each(|segment| check_arguments(&segment.arguments, errors));
}

/// Whether the path says that it starts in the author's own crate.
fn is_own(path: &Path) -> bool {
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string());
    path.segments.len() > 1 && matches!(first.as_deref(), Some("crate" | "self" | "super"))
}

fn refuse_names(path: &Path, which: impl Fn(&Refusal) -> bool, errors: &mut Errors) {
    let Some(last) = path.segments.last() else {
        return;
    };
    let name = last.ident.to_string();
    let generic = !last.arguments.is_none();
    let fits =
        |refusal: &&Refusal| refusal.generic == generic && refusal.names.contains(&name.as_str());
    if let Some(Refusal {
        because, instead, ..
    }) = REFUSED.iter().filter(|refusal| which(refusal)).find(fits)
    {
        let sentence = format!("`{name}` cannot be part of a state: {because}; use {instead}");
        errors.refuse(path, sentence);
    }
}

fn check_arguments(arguments: &PathArguments, errors: &mut Errors) {
    match arguments {
        PathArguments::None => {}
        PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. }) => {
            for argument in args {
                if let GenericArgument::Type(ty) = argument {
                    check(ty, errors);
                }
            }
        }
        PathArguments::Parenthesized(arguments) => {
            arguments.inputs.iter().for_each(|ty| check(ty, errors));
            if let ReturnType::Type(_, ty) = &arguments.output {
                check(ty, errors);
            }
        }
    }
}
