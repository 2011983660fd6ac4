//! Tables in kubectl's manner: columns of text, three blanks apart.

/// A table under construction; every row has as many cells as the head.
#[derive(Clone, Debug)]
pub struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with these column heads.
    pub fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|&text| text.to_owned()).collect()],
        }
    }

    /// Adds a row. Texts with line breaks are folded into one line.
    pub fn row(&mut self, cells: Vec<String>) {
        let fold = |text: String| match text.contains(char::is_control) {
            true => text.split(char::is_control).collect::<Vec<_>>().join(" "),
            false => text,
        };
        self.rows.push(cells.into_iter().map(fold).collect());
    }

    /// The lines, each ended by a line feed.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}   "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut grid = Grid::new(&["NAME", "UNITS", "MESSAGE"]);
        grid.row(vec!["resnet".into(), "32".into(), "two\nlines".into()]);
        grid.row(vec!["b".into(), String::new(), String::new()]);
        assert_eq!(
            grid.text(),
            "NAME     UNITS   MESSAGE\n\
             resnet   32      two lines\n\
             b\n",
        );
    }
}
