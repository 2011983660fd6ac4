//! Reads Rust text just well enough to tell code from comments, literals and tests. It is
//! no parser: what it cannot tell apart (macros that make code) the rules do not look at.

/// The text with comments and the content of literals blanked out, line for line.
pub(super) fn without_comments_and_literals(text: &str) -> String {
    let mut lexer = Lexer {
        rest: text.chars().collect(),
        at: 0,
        out: String::with_capacity(text.len()),
    };
    lexer.run();
    lexer.out
}

/// The lines of a file before its test module. The house puts tests last: an attribute
/// `#[cfg(test)]` on a module with a body ends the code.
pub(super) fn without_tests(code: &str) -> &str {
    let mut offset = 0;
    let mut test_begins = None;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with("#[cfg(test)]") {
            test_begins = Some(offset);
        } else if let Some(begin) = test_begins
            && !trimmed.is_empty()
            && !trimmed.starts_with("#[")
        {
            let words: Vec<&str> = trimmed.split_whitespace().collect();
            if words.contains(&"mod") && trimmed.ends_with('{') {
                return &code[..begin];
            }
            test_begins = None;
        }
        offset += line.len();
    }
    code
}

/// The words of a line: identifiers, keywords, macro names with their `!`.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!'))
        .filter(|word| !word.is_empty())
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
    out: String,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                '/' if self.peek(1) == Some('/') => self.line_comment(),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.string(),
                'r' | 'b' | 'c' if self.raw_hashes().is_some() => self.raw_string(),
                '\'' => self.quote(),
                _ if c.is_alphanumeric() || c == '_' => self.word(),
                _ => self.keep(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek(0) {
            self.out.push(c);
            self.at += 1;
        }
    }

    fn blank(&mut self) {
        if let Some(c) = self.peek(0) {
            self.out.push(if c == '\n' { '\n' } else { ' ' });
            self.at += 1;
        }
    }

    /// A whole word, so that the `r` of `for` never begins a raw string.
    fn word(&mut self) {
        while self
            .peek(0)
            .is_some_and(|c| c.is_alphanumeric() || c == '_')
        {
            self.keep();
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(c) = self.peek(0) {
            match c {
                '"' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    /// The number of `#` when a raw string begins here: `r"`, `br#"`, `cr##"`.
    fn raw_hashes(&self) -> Option<usize> {
        let mut ahead = usize::from(matches!(self.peek(0), Some('b' | 'c')));
        if self.peek(ahead) != Some('r') {
            return None;
        }
        ahead += 1;
        let hashes = (ahead..)
            .take_while(|position| self.peek(*position) == Some('#'))
            .count();
        (self.peek(ahead + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_hashes().unwrap_or_default();
        while self.peek(0).is_some_and(|c| c != '"') {
            self.keep();
        }
        self.keep();
        while let Some(c) = self.peek(0) {
            let closes = c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                (0..=hashes).for_each(|_| self.keep());
                return;
            }
            self.blank();
        }
    }

    /// A character literal or a lifetime: the literal ends with a quote soon.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            return self.keep();
        }
        self.keep();
        while let Some(c) = self.peek(0) {
            match c {
                '\'' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let cases = [
            ("a // f64\nb", "a       \nb"),
            ("a /* f64 /* f64 */ f64 */ b", "a                         b"),
            (r#"say("f64 \" f64") + 1"#, r#"say("          ") + 1"#),
            (r##"say(r#"f64 " f64"#)"##, r##"say(r#"         "#)"##),
            (r#"br"f64" for"#, r#"br"   " for"#),
            ("let c = '\"'; f64", "let c = ' '; f64"),
            (r"let c = '\''; f64", r"let c = '  '; f64"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("\"two\nlines\"", "\"   \n     \""),
        ];
        for (text, expected) in cases {
            assert_eq!(without_comments_and_literals(text), expected, "{text}");
        }
    }

    #[test]
    fn the_test_module_ends_the_code() {
        let inline = "fn a() {}\n\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n  f64\n}\n";
        assert_eq!(without_tests(inline), "fn a() {}\n\n");
        for whole in [
            "#[cfg(test)]\nmod tests;\nfn b() {}\n",
            "#[cfg(test)]\nfn b() {\n}\nfn c() {}\n",
        ] {
            assert_eq!(without_tests(whole), whole);
        }
    }

    #[test]
    fn words_keep_macros_apart() {
        assert_eq!(
            words("dbg!(my_dbg, x.f64)").collect::<Vec<_>>(),
            ["dbg!", "my_dbg", "x", "f64"]
        );
    }
}
