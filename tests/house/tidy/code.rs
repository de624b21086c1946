//! Just enough of Rust's grammar to tell code from comments, strings and tests.

/// The text with comments, strings and character literals blanked; lines stay where they are.
pub(crate) fn code_only(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(next) = rest.chars().next() {
        let length = skipped(rest, code.chars().next_back());
        if length == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(
                rest[..length]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[length..];
        }
    }
    code
}

/// The number of bytes at the start of `rest` that are not code; 0 if it starts with code.
fn skipped(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let prefixed = before.is_some_and(|c| is_word(c) && !"bc".contains(c));
    if rest.starts_with('r') && !prefixed {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            return raw_string(rest, hashes);
        }
    }
    match rest.chars().next() {
        Some('"') => quoted(rest, '"'),
        Some('\'') if is_character(rest) => quoted(rest, '\''),
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn raw_string(rest: &str, hashes: usize) -> usize {
    let open = 2 + hashes;
    let close = format!("\"{}", "#".repeat(hashes));
    rest[open..]
        .find(&close)
        .map_or(rest.len(), |at| open + at + close.len())
}

fn quoted(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return at + 1;
        }
    }
    rest.len()
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(rest: &str) -> bool {
    let mut next = rest.chars().skip(1);
    match next.next() {
        Some('\\') => true,
        Some(_) => next.next() == Some('\''),
        None => false,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The code before the file's test module.
pub(crate) fn without_tests(code: &str) -> &str {
    let marker = "#[cfg(test)]";
    let module = |at: &usize| code[at + marker.len()..].trim_start().starts_with("mod ");
    let end = code.match_indices(marker).map(|(at, _)| at).find(module);
    &code[..end.unwrap_or(code.len())]
}

/// The byte offsets at which `word` stands by itself.
fn places(code: &str, word: &str) -> Vec<usize> {
    let alone = |at: &usize| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(alone)
        .collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The lines, counted from 1, in which `word` stands by itself.
pub(crate) fn lines_with_word(code: &str, word: &str) -> Vec<usize> {
    places(code, word)
        .into_iter()
        .map(|at| line_of(code, at))
        .collect()
}

/// The lines, counted from 1, of unsafe blocks and unsafe impls: what needs a reason on the spot.
pub(crate) fn lines_with_unsafe_block(code: &str) -> Vec<usize> {
    let needs_reason = |at: &usize| {
        let after = code[at + "unsafe".len()..].trim_start();
        after.starts_with('{') || after.starts_with("impl")
    };
    let blocks = places(code, "unsafe").into_iter().filter(needs_reason);
    blocks.map(|at| line_of(code, at)).collect()
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let text = r####"a // unsafe
/* unsafe /* unsafe */ unsafe */ b "unsafe \" unsafe" c
r#"unsafe "quoted" unsafe"# 'u' '\'' d<'unsafe_life> br"unsafe" bar unsafe"####;
    let code = code_only(text);
    assert_eq!(code.matches('\n').count(), 2);
    assert_eq!(lines_with_word(&code, "unsafe"), [3]);
    for kept in ["a ", " b ", " c\n", "d<'unsafe_life>", "bar unsafe"] {
        assert!(code.contains(kept), "{kept:?} in {code:?}");
    }
}

#[test]
fn words_are_whole_and_tests_are_left_out() {
    let text = "use fs;\nlet fsx = offs;\n#[cfg(test)]\nuse a;\n#[cfg(test)]\nmod tests { fs }";
    assert_eq!(lines_with_word(text, "fs"), [1, 6]);
    assert_eq!(lines_with_word(without_tests(text), "fs"), [1]);
    assert!(without_tests(text).ends_with("use a;\n"));
}

#[test]
fn an_unsafe_block_or_impl_needs_a_reason_and_an_unsafe_fn_has_its_docs() {
    let code = "unsafe {\n}\nunsafe fn f() {}\nunsafe  impl A {}\nunsafe_code {";
    assert_eq!(lines_with_unsafe_block(code), [1, 4]);
}
