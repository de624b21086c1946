//! [`on_and_off`]: what is signed counts the same for a node in a sandbox and for one without.

/// Makes two tests of each function, which gets the flag of `refit run` that says whether its node is confined.
macro_rules! on_and_off {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn sandbox_on() {
                super::$test("--sandbox=on");
            }

            #[test]
            fn sandbox_off() {
                super::$test("--sandbox=off");
            }
        }
    )+};
}

pub(crate) use on_and_off;
