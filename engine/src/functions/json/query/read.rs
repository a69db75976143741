//! PostgreSQL's paths through JSON, read: see the module above.

use serde_json::Value as Json;

use super::syntax::{Condition, JsonPath, Order, Origin, Place, Step, Way};
use crate::error::Error;

/// How deep conditions may lie within each other.
const DEPTH_MAX: usize = 50;

/// The path that a text is.
pub(super) fn read(text: &str) -> Result<JsonPath, Error> {
    let refused = || Error::Type {
        expression: "jsonb_path_query()".to_owned(),
        expected: "a path such as $.a[*] ? (@.b > 1)".to_owned(),
        got: format!("{text:?}"),
    };
    let mut reader = Reader { rest: text, depth: 0 };
    let _ = reader.word("lax") || reader.word("strict");
    let path = reader.path().ok_or_else(refused)?;
    reader.skip();
    if reader.rest.is_empty() { Ok(path) } else { Err(refused()) }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Whether these signs come next, which are passed over then.
    fn sign(&mut self, sign: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The same of a word that ends there.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let is_next = self.rest.strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_of_name));
        is_next && self.sign(word)
    }

    fn name(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|character| !is_of_name(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(name).filter(|name| !name.is_empty())
    }

    fn number(&mut self) -> Option<usize> {
        self.skip();
        let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok()
    }

    /// A text in double quotes, as JSON writes it.
    fn text(&mut self) -> Option<String> {
        self.skip();
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = values.next()?.ok()?;
        self.rest = &self.rest[values.byte_offset()..];
        Some(text)
    }

    /// A path, or a condition where one stands alone.
    fn path(&mut self) -> Option<JsonPath> {
        let begin = self.rest;
        let way = self.way();
        self.skip();
        if let Some(way) = way.filter(|_| self.rest.is_empty()) {
            return Some(JsonPath::Values(way));
        }
        self.rest = begin;
        self.condition().map(JsonPath::Condition)
    }

    fn way(&mut self) -> Option<Way> {
        self.skip();
        let from = if self.sign("$") {
            match self.name() {
                Some(name) => Origin::Variable(name.to_owned()),
                None if self.rest.starts_with('"') => Origin::Variable(self.text()?),
                None => Origin::Document,
            }
        } else if self.sign("@") {
            Origin::Current
        } else {
            Origin::Constant(self.constant()?)
        };
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        Some(Way { from, steps })
    }

    fn constant(&mut self) -> Option<Json> {
        for (word, value) in [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)]
        {
            if self.word(word) {
                return Some(value);
            }
        }
        if self.rest.starts_with('"') {
            return self.text().map(Json::String);
        }
        let is_of_number =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '+');
        let end = self.rest.find(|character| !is_of_number(character)).unwrap_or(self.rest.len());
        let number = serde_json::from_str::<serde_json::Number>(&self.rest[..end]).ok()?;
        self.rest = &self.rest[end..];
        Some(Json::Number(number))
    }

    /// The next step, none if the way ends; nothing if it is none.
    fn step(&mut self) -> Option<Option<Step>> {
        if self.sign("?") {
            return Some(Some(Step::Where(self.in_parentheses()?)));
        }
        if self.sign("[") {
            return self.places().map(Some);
        }
        if !self.sign(".") {
            return Some(None);
        }
        if self.sign("*") {
            return Some(Some(Step::EveryKey));
        }
        if self.rest.starts_with('"') {
            return self.text().map(|key| Some(Step::Key(key)));
        }
        let name = self.name()?;
        if !self.sign("(") {
            return Some(Some(Step::Key(name.to_owned())));
        }
        let step = match name {
            "size" => Step::Size,
            "type" => Step::Type,
            _ => return None,
        };
        self.sign(")").then_some(Some(step))
    }

    fn places(&mut self) -> Option<Step> {
        if self.sign("*") {
            return self.sign("]").then_some(Step::EveryPlace);
        }
        let from = self.place()?;
        let to = if self.word("to") { self.place()? } else { from };
        self.sign("]").then_some(Step::Places(from, to))
    }

    fn place(&mut self) -> Option<Place> {
        if !self.word("last") {
            return self.number().map(Place::FromFirst);
        }
        let before = if self.sign("-") { self.number()? } else { 0 };
        Some(Place::BeforeLast(before))
    }

    fn in_parentheses(&mut self) -> Option<Condition> {
        if !self.sign("(") {
            return None;
        }
        self.depth += 1;
        let condition = (self.depth < DEPTH_MAX).then(|| self.condition()).flatten()?;
        self.depth -= 1;
        self.sign(")").then_some(condition)
    }

    fn condition(&mut self) -> Option<Condition> {
        let mut left = self.all()?;
        while self.sign("||") {
            left = Condition::Or(Box::new(left), Box::new(self.all()?));
        }
        Some(left)
    }

    fn all(&mut self) -> Option<Condition> {
        let mut left = self.one()?;
        while self.sign("&&") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Some(left)
    }

    fn one(&mut self) -> Option<Condition> {
        self.skip();
        if !self.rest.starts_with("!=") && self.sign("!") {
            return self.in_parentheses().map(|inner| Condition::Not(Box::new(inner)));
        }
        if self.rest.starts_with('(') {
            let inner = self.in_parentheses()?;
            if !self.word("is") {
                return Some(inner);
            }
            return self.word("unknown").then(|| Condition::IsUnknown(Box::new(inner)));
        }
        if self.word("exists") {
            let way = self.sign("(").then(|| self.way()).flatten()?;
            return self.sign(")").then_some(Condition::Exists(way));
        }
        let left = self.way()?;
        if self.word("starts") {
            return if self.word("with") { Some(Condition::StartsWith(left, self.text()?)) } else { None };
        }
        if self.word("like_regex") {
            let pattern = self.text()?;
            let flags = if self.word("flag") { self.text()? } else { String::new() };
            let regex = regex::RegexBuilder::new(&pattern).case_insensitive(flags.contains('i')).build();
            return Some(Condition::Matches(left, regex.ok()?));
        }
        const ORDERS: [(&str, Order); 8] = [
            ("==", Order::Equal),
            ("!=", Order::NotEqual),
            ("<>", Order::NotEqual),
            ("<=", Order::LessOrEqual),
            (">=", Order::GreaterOrEqual),
            ("<", Order::Less),
            (">", Order::Greater),
            ("=", Order::Equal),
        ];
        let order = ORDERS.into_iter().find_map(|(sign, order)| self.sign(sign).then_some(order))?;
        Some(Condition::Compare(left, order, self.way()?))
    }
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
