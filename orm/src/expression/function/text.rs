//! Functions of text.

use nuages_engine::algebra::{Function, StringFunction};

use super::super::operand::Seen;
use super::super::{Expr, Operand, Term, class};
use super::{Joint, Like, at_least, methods};
use crate::field::Field;
use crate::node::Node;
use crate::path::{Col, Hop, Path};

/// The call of a function.
fn call<const N: usize>(function: Function, arguments: [Node; N]) -> Node {
    Node::call(crate::node::Operator::Function(function), arguments)
}

/// A digest in hexadecimal digits.
fn digest(of: StringFunction, text: Node) -> Node {
    call(Function::String(of), [text])
}

methods! {
    Text in "# #[derive(Model, Clone)] pub struct Word { pub id: Auto<i64>, pub text: String }
# let db = App::new().models(Word::app()).open_memory()?;
# Word::objects().create(new!(Word { text: \"Nuages\" }), &db)?;
let words = Word::objects();
" {
    /// Lower case.
    lower() -> Same = |text| call(Function::Lower, [text]),
        "words.values_list(Word::text.lower()).all(&db)?, [\"nuages\"]";
    /// Upper case.
    upper() -> Same = |text| call(Function::Upper, [text]),
        "words.values_list(Word::text.upper()).all(&db)?, [\"NUAGES\"]";
    /// The number of characters.
    length() -> [i64] = |text| call(Function::Length, [text]),
        "words.values_list(Word::text.length()).all(&db)?, [6]";
    /// Without white space at its ends.
    trim() -> Same = |text| call(Function::Trim, [text]),
        "words.values_list(value(\"  a \").trim()).all(&db)?, [\"a\"]";
    /// Without white space at its beginning.
    trim_start() -> Same = |text| call(Function::TrimLeft, [text]),
        "words.values_list(value(\"  a \").trim_start()).all(&db)?, [\"a \"]";
    /// Without white space at its end.
    trim_end() -> Same = |text| call(Function::TrimRight, [text]),
        "words.values_list(value(\"  a \").trim_end()).all(&db)?, [\"  a\"]";
    /// The characters in reverse.
    reversed() -> Same = |text| call(Function::Reverse, [text]),
        "words.values_list(Word::text.reversed()).all(&db)?, [\"segauN\"]";
    /// The first `count` characters. None or less is a mistake.
    left(count: A = i64) -> Same = |text, count| call(Function::Left, [text, at_least("left", "count", 1, count)]),
        "words.values_list(Word::text.left(3)).all(&db)?, [\"Nua\"]";
    /// The last `count` characters. None or less is a mistake.
    right(count: A = i64) -> Same = |text, count| call(Function::Right, [text, at_least("right", "count", 1, count)]),
        "words.values_list(Word::text.right(3)).all(&db)?, [\"ges\"]";
    /// `count` characters from the `start`th on, which is counted from 1.
    substr(start: A = i64, count: B = i64) -> Same =
        |text, start, count| call(Function::Substring, [text, at_least("substr", "start", 1, start), count]),
        "words.values_list(Word::text.substr(2, 3)).all(&db)?, [\"uag\"]";
    /// All characters from the `start`th on, which is counted from 1.
    substr_from(start: A = i64) -> Same =
        |text, start| call(Function::Substring, [text, at_least("substr", "start", 1, start)]),
        "words.values_list(Word::text.substr_from(Word::text.length() - 1)).all(&db)?, [\"es\"]";
    /// With every `from` replaced by `to`.
    replaced(from: A = String, to: B = String) -> Same = |text, from, to| call(Function::Replace, [text, from, to]),
        "words.values_list(Word::text.replaced(\"ua\", \"\")).all(&db)?, [\"Nges\"]";
    /// Where `part` begins, counted from 1; 0 if it does not occur.
    position(part: A = String) -> [i64] = |text, part| call(Function::Position, [text, part]),
        "words.values_list((Word::text.position(\"a\"), Word::text.position(\"z\"))).all(&db)?, [(3, 0)]";
    /// Filled up at the beginning with copies of `fill` to `length` characters; cut to these if it has more.
    pad_left(length: A = i64, fill: B = String) -> Same =
        |text, length, fill| call(Function::PadLeft, [text, at_least("pad_left", "length", 0, length), fill]),
        "words.values_list(Word::text.pad_left(8, \"_\")).all(&db)?, [\"__Nuages\"]";
    /// Filled up at the end with copies of `fill` to `length` characters; cut to these if it has more.
    pad_right(length: A = i64, fill: B = String) -> Same =
        |text, length, fill| call(Function::PadRight, [text, at_least("pad_right", "length", 0, length), fill]),
        "words.values_list(Word::text.pad_right(8, \"_\")).all(&db)?, [\"Nuages__\"]";
    /// The text so many times.
    repeated(times: A = i64) -> Same =
        |text, times| call(Function::Repeat, [text, at_least("repeated", "number", 0, times)]),
        "words.values_list(Word::text.repeated(2)).all(&db)?, [\"NuagesNuages\"]";
    /// The code point of the first character; 0 of the empty text.
    ord() -> [i64] = |text| call(Function::String(StringFunction::Ascii), [text]),
        "words.values_list(Word::text.ord()).all(&db)?, [78]";
    /// The MD5 digest in hexadecimal digits. It keeps no secret.
    md5() -> Same = |text| digest(StringFunction::Md5, text),
        "words.values_list(Word::text.md5()).all(&db)?, [\"a81f4daf21777105f33a3fc915e08f72\"]";
    /// The SHA-1 digest in hexadecimal digits.
    sha1() -> Same = |text| digest(StringFunction::Sha1, text),
        "words.values_list(Word::text.sha1().length()).all(&db)?, [40]";
    /// The SHA-224 digest in hexadecimal digits.
    sha224() -> Same = |text| digest(StringFunction::Sha224, text),
        "words.values_list(Word::text.sha224().length()).all(&db)?, [56]";
    /// The SHA-256 digest in hexadecimal digits.
    sha256() -> Same = |text| digest(StringFunction::Sha256, text),
        "words.values_list(Word::text.sha256().left(8)).all(&db)?, [\"7b4bc85f\"]";
    /// The SHA-384 digest in hexadecimal digits.
    sha384() -> Same = |text| digest(StringFunction::Sha384, text),
        "words.values_list(Word::text.sha384().length()).all(&db)?, [96]";
    /// The SHA-512 digest in hexadecimal digits.
    sha512() -> Same = |text| digest(StringFunction::Sha512, text),
        "words.values_list(Word::text.sha512().length()).all(&db)?, [128]";
    }
}
