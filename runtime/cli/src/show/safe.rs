//! Texts of others as a terminal and a reader of lines may see them: those of a node, a plan, an engine, an argument.
//!
//! A name with an escape sequence or a line break in it would otherwise hide rows of a table, or forge some. JSON needs
//! none of this: it has its own escapes.

use refit_abi::host::shown;

/// The text, on one line.
pub(crate) fn line(text: &str) -> String {
    shown(text, usize::MAX)
}

/// A text of several lines of our own: line breaks and tabs stay as they are.
pub(crate) fn lines(text: &str) -> String {
    let pieces = text.split_inclusive(['\n', '\t']);
    let safe = |piece: &str| match piece.chars().next_back() {
        Some(end @ ('\n' | '\t')) => line(&piece[..piece.len() - 1]) + end.encode_utf8(&mut [0; 4]),
        _ => line(piece),
    };
    pieces.map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_as_its_escape() {
        let text = "a\tb\u{1b}[31m\r\nc\u{202e}\n";
        assert_eq!(line(text), r"a\tb\u{1b}[31m\r\nc\u{202e}\n");
        assert_eq!(lines(text), "a\tb\\u{1b}[31m\\r\nc\\u{202e}\n");
        for plain in ["", "one", "ein Stück\n", "\n\n", "\t"] {
            assert_eq!(lines(plain), plain);
        }
    }
}
