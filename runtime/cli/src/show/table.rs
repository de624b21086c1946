//! Plain tables: columns as wide as their widest cell, no lines.

use super::safe::line;

/// Two spaces between columns.
const GAP: &str = "  ";

/// The table with this head and these rows, each row on a line.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.to_vec()).collect();
    table_of(&head, &rows)
}

/// The same, of a number of columns that is known only now: each row has as many cells as the head.
pub(crate) fn table_of(head: &[&str], rows: &[Vec<String>]) -> String {
    let safe = |row: &Vec<String>| row.iter().map(|cell| line(cell)).collect::<Vec<_>>();
    let rows: Vec<_> = rows.iter().map(safe).collect();
    let mut widths: Vec<_> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let mut text = padded(&head, &widths);
    for row in &rows {
        text.push_str(&padded(row, &widths));
    }
    text
}

/// Lines of a name and a value each, however many lines the value has.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    facts
        .iter()
        .map(|(name, value)| format!("{name:width$}{GAP}{}\n", line(value)))
        .collect()
}

/// The rows of a fact that takes several lines: only the first of them has the name.
pub(crate) fn several(name: &str, values: Vec<String>) -> impl Iterator<Item = (&str, String)> {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(values)
}

fn padded(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<_> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    format!("{}\n", padded.join(GAP).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".to_owned(), "1".to_owned()],
            ["long".to_owned(), String::new()],
        ];
        assert_eq!(table(["id", "n"], &rows), "id    n\na     1\nlong\n");
    }

    #[test]
    fn no_text_makes_a_row_of_its_own_or_steers_the_terminal() {
        let forged = "1.0\n2  committed\u{1b}[8m".to_owned();
        let text = table(["id", "n"], &[[forged.clone(), "1".to_owned()]]);
        assert_eq!(text.lines().count(), 2);
        let facts = facts(&[("version", forged)]);
        assert_eq!(facts, "version  1.0\\n2  committed\\u{1b}[8m\n");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_fact_of_several_lines_has_its_name_once() {
        let values = ["a", "b"].map(str::to_owned).to_vec();
        let rows: Vec<_> = several("name", values).collect();
        assert_eq!(facts(&rows), "name  a\n      b\n");
    }
}
