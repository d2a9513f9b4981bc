//! Tables as `kubectl` prints them: capital headings, columns three spaces apart, no frames.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Space between two columns.
const GAP: &str = "   ";

/// Rows under headings; nothing at all without rows.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows);
    if lines.len() == 1 {
        return String::new();
    }
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    lines.iter().fold(String::new(), |mut out, line| {
        out.push_str(&row(line, widths));
        out.push('\n');
        out
    })
}

fn row<const N: usize>(cells: &[String; N], widths: [usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let padding = width - cell.width();
        let _infallible = write!(line, "{cell}{:padding$}{GAP}", "");
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".to_owned(), "x".to_owned()],
            ["long name".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["NAME", "IP"], rows),
            "NAME        IP\na           x\nlong name\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(table(["NAME"], []), "");
    }
}
