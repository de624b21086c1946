//! Tests which changes extend a message, and how versions are compared.

use super::*;
use refit_abi::schema::Describer;
use refit_abi::{Deserialize, Serialize, State};

fn described<T: State>() -> Type {
    T::describe(&mut Describer::default())
}

#[test]
fn variants_added_at_the_end_extend_a_message_and_others_do_not() {
    #[derive(State, Serialize, Deserialize)]
    #[state(name = "Message")]
    enum Old {
        Put(u8),
        Get,
    }
    #[derive(State, Serialize, Deserialize)]
    #[state(name = "Message")]
    enum Longer {
        Put(u8),
        Get,
        Drop { key: u8 },
    }
    #[derive(State, Serialize, Deserialize)]
    #[state(name = "Message")]
    enum Turned {
        Get,
        Put(u8),
    }
    let part = |ty: Type| Part {
        schema: ty.schema_id(),
        described: Some(ty),
    };
    let old = part(described::<Old>());
    let longer = part(described::<Longer>());
    let turned = part(described::<Turned>());
    assert_eq!(meaning("message", &old, &longer).0, Bump::Minor);
    assert_eq!(meaning("message", &old, &turned).0, Bump::Major);
    assert_eq!(meaning("message", &longer, &old).0, Bump::Major);
    assert_eq!(meaning("answer", &old, &longer).0, Bump::Major);
}

#[test]
fn versions_are_compared_as_cargo_reads_them() {
    assert_eq!(declared("1.2.3", "1.2.3"), None);
    assert_eq!(declared("1.2.3", "1.2.2"), None);
    assert_eq!(declared("1.2.3", "1.2.4"), Some(Bump::Patch));
    assert_eq!(declared("1.2.3", "1.3.0"), Some(Bump::Minor));
    assert_eq!(declared("1.2.3", "2.0.0-rc.1"), Some(Bump::Major));
    assert_eq!(declared("0.1.0", "0.1.1"), Some(Bump::Minor));
    assert_eq!(declared("0.1.0", "0.2.0"), Some(Bump::Major));
}
