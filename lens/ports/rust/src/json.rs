//! What does a JSON document say? Enough of RFC 8259 for a calibrator, numbers kept as they are written.

use std::fmt::Write;

const DEEPEST: usize = 64; // a document nested deeper is no calibrator, and must not exhaust the stack

#[derive(Debug)]
pub enum Value {
    Plain(&'static str), // null, true, false
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    fn get(&self, key: &str) -> Result<&Value, String> {
        match self {
            // The last one counts, as in Python.
            Value::Object(members) => members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
        .ok_or_else(|| format!("no {key:?}"))
    }

    pub fn text(&self, key: &str) -> Result<&str, String> {
        match self.get(key)? {
            Value::Text(text) => Ok(text),
            _ => Err(format!("{key:?} is no text")),
        }
    }

    pub fn list(&self, key: &str) -> Result<&[Value], String> {
        match self.get(key)? {
            Value::List(items) => Ok(items),
            _ => Err(format!("{key:?} is no list")),
        }
    }

    pub fn number(&self, key: &str) -> Result<f64, String> {
        self.get(key)?.as_number().ok_or_else(|| format!("{key:?} is no finite number"))
    }

    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, String> {
        let numbers: Option<Vec<f64>> = self.list(key)?.iter().map(Value::as_number).collect();
        numbers.ok_or_else(|| format!("{key:?} holds what is no finite number"))
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(written) => written.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// What lens/calibrator.py digests: keys sorted, no spaces, ASCII only; numbers as they are written.
    pub fn canonical_without(&self, left_out: &str) -> String {
        let mut out = String::new();
        self.write_canonical(left_out, &mut out);
        out
    }

    fn write_canonical(&self, left_out: &str, out: &mut String) {
        match self {
            Value::Plain(word) => out.push_str(word),
            Value::Number(written) => out.push_str(written),
            Value::Text(text) => write_text(text, out),
            Value::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_canonical("", out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                let mut keys: Vec<&String> = members.iter().map(|(key, _)| key).collect();
                keys.sort();
                keys.dedup();
                out.push('{');
                let mut first = true;
                for key in keys.into_iter().filter(|key| *key != left_out) {
                    if !first {
                        out.push(',');
                    }
                    first = false;
                    write_text(key, out);
                    out.push(':');
                    if let Ok(value) = self.get(key) {
                        value.write_canonical("", out);
                    }
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}"); // into a String: cannot fail
                }
            }
        }
    }
    out.push('"');
}

/// The document. The error says at which byte it is none.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.spaces();
    if reader.at < text.len() {
        return Err(reader.expected("the end"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, what: &str) -> String {
        format!("not JSON at byte {}: expected {what}", self.at)
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(self.expected("less nesting"));
        }
        self.spaces();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for word in ["null", "true", "false"] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(Value::Plain(word));
                    }
                }
                Err(self.expected("a value"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut members = Vec::new();
        self.spaces();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.spaces();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key"));
            }
            let key = self.string()?;
            self.spaces();
            if !self.take(b':') {
                return Err(self.expected("a colon"));
            }
            members.push((key, self.value(depth + 1)?));
            self.spaces();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or }"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.spaces();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.spaces();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or ]"));
            }
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        let begun = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == begun {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, String> {
        let begun = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Value::Number(self.text[begun..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut units: Vec<u16> = Vec::new(); // escapes speak UTF-16
        loop {
            let rest = &self.text[self.at..];
            let character = rest.chars().next().ok_or_else(|| self.expected("a quote"))?;
            match character {
                '"' => {
                    self.at += 1;
                    return String::from_utf16(&units).map_err(|_| self.expected("whole characters"));
                }
                '\\' => {
                    self.at += 1;
                    units.push(self.escape()?);
                }
                '\0'..='\u{1f}' => return Err(self.expected("no control character")),
                _ => {
                    self.at += character.len_utf8();
                    units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<u16, String> {
        let letter = self.peek().ok_or_else(|| self.expected("an escape"))?;
        self.at += 1;
        Ok(u16::from(match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let four = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let unit = four.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                let unit = unit.ok_or_else(|| self.expected("four hex digits"))?;
                self.at += 4;
                return Ok(unit);
            }
            _ => return Err(self.expected("an escape")),
        }))
    }
}
