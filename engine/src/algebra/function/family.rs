//! Families of functions that take and give the same few types. Each has its own file in
//! [`functions`](crate::functions).

/// Declares a family: the functions, and what they are called in SQL.
macro_rules! family {
    ($(#[$doc:meta])* $family:ident: $($(#[$about:meta])* $function:ident = $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $family {
            $($(#[$about])* $function),*
        }

        impl $family {
            /// All of them.
            pub const ALL: &[$family] = &[$($family::$function),*];

            /// What it is called in SQL.
            pub const fn name(self) -> &'static str {
                match self {
                    $($family::$function => $name),*
                }
            }

            /// The one of this name, which is in lower case.
            pub fn named(name: &str) -> Option<$family> {
                $family::ALL.iter().copied().find(|function| function.name() == name)
            }
        }
    };
}

family! {
    /// Functions of floats, and those that draw lots.
    MathFunction:
    /// Decimal logarithm.
    Log10 = "log10",
    /// Binary logarithm.
    Log2 = "log2",
    /// `logb(base, x)`.
    LogBase = "logb",
    /// Cube root.
    CubeRoot = "cbrt",
    /// Sine.
    Sin = "sin",
    /// Cosine.
    Cos = "cos",
    /// Tangent.
    Tan = "tan",
    /// Cotangent.
    Cot = "cot",
    /// Inverse sine.
    Asin = "asin",
    /// Inverse cosine.
    Acos = "acos",
    /// Inverse tangent.
    Atan = "atan",
    /// `atan2(y, x)`: the angle of a point.
    Atan2 = "atan2",
    /// Hyperbolic sine.
    Sinh = "sinh",
    /// Hyperbolic cosine.
    Cosh = "cosh",
    /// Hyperbolic tangent.
    Tanh = "tanh",
    /// Inverse hyperbolic sine.
    Asinh = "asinh",
    /// Inverse hyperbolic cosine.
    Acosh = "acosh",
    /// Inverse hyperbolic tangent.
    Atanh = "atanh",
    /// Radians as degrees.
    Degrees = "degrees",
    /// Degrees as radians.
    Radians = "radians",
    /// The ratio of a circle's circumference to its diameter.
    Pi = "pi",
    /// A float from 0 to below 1, another in every row.
    Random = "random",
}

family! {
    /// Functions that take texts apart and put them together.
    StringFunction:
    /// `split_part(text, delimiter, n)`: the n-th piece, from 1, from the end if negative; empty if there is none.
    SplitPart = "split_part",
    /// `translate(text, from, to)`: each character of `from` becomes that of `to`, or goes.
    Translate = "translate",
    /// `slice(text, start, count?)`: characters from 1, or from the end if `start` is negative; those before it if
    /// `count` is.
    Slice = "slice",
    /// Each word with one capital, at its beginning.
    Initcap = "initcap",
    /// The code point of the first character; 0 of the empty text.
    Ascii = "ascii",
    /// The characters of code points.
    Chr = "chr",
    /// The bytes, or those of the text, as hexadecimal digits.
    Hex = "hex",
    /// The MD5 digest (RFC 1321) of a text or bytes, in hexadecimal digits.
    Md5 = "md5",
    /// The SHA-1 digest (FIPS 180-4), in hexadecimal digits; so are those that follow. PostgreSQL's
    /// `sha256()` gives bytes, and is one of [`Builtin`](crate::algebra::Builtin).
    Sha1 = "sha1",
    /// SHA-224.
    Sha224 = "sha224_hex",
    /// SHA-256.
    Sha256 = "sha256_hex",
    /// SHA-384.
    Sha384 = "sha384_hex",
    /// SHA-512.
    Sha512 = "sha512_hex",
    /// An integer as hexadecimal digits, in two's complement.
    ToHex = "to_hex",
    /// `starts_with(text, beginning)`.
    StartsWith = "starts_with",
    /// `btrim(text, characters)`: without these characters at both ends.
    TrimCharacters = "btrim",
    /// `ltrim(text, characters)`.
    TrimCharactersLeft = "ltrim",
    /// `rtrim(text, characters)`.
    TrimCharactersRight = "rtrim",
    /// The text in quotes, as SQL's literal.
    QuoteLiteral = "quote_literal",
    /// `concat_ws(separator, ..)`: the text forms of the others, those that are not NULL, joined.
    ConcatWith = "concat_ws",
    /// `format(pattern, ..)`: `%s` is the text form of the next argument, `%I` that as a name, `%L` as a literal, `%%`
    /// a `%`.
    Format = "format",
    /// `printf(pattern, ..)`: the conversions of C and SQLite, such as `%05d`, `%.2f`, `%s` and `%Q`. A NULL among the
    /// arguments is 0 or nothing.
    Printf = "printf",
}

family! {
    /// Functions of JSON.
    JsonFunction:
    /// `->`: the member of an object by its key, or of an array by its place, from 0, from the end if negative.
    Get = "json_get",
    /// `->>`: the same as text.
    GetText = "json_get_text",
    /// `json_extract(json, path)`: what is at a path such as `$.a[0]."b c"`.
    Extract = "json_extract",
    /// The same as text.
    ExtractText = "json_extract_text",
    /// `#>`, `json_extract_path(json, key, ..)`: what is at keys, and at places of arrays, within each other.
    ExtractPath = "json_extract_path",
    /// `#>>`: the same as text.
    ExtractPathText = "json_extract_path_text",
    /// `@>`: whether the left has all that the right has.
    Contains = "json_contains",
    /// `?`: whether an object has a key, or an array a text.
    HasKey = "json_has_key",
    /// How many members an array has; an error for what is none.
    ArrayLength = "json_array_length",
    /// The members, as an array of pairs: of an object each with its key, of an array each with its place; what is
    /// neither is one member without a key.
    Pairs = "json_pairs",
    /// `object`, `array`, `string`, `number`, `boolean` or `null`.
    TypeOf = "json_typeof",
    /// Whether a text is JSON.
    Valid = "json_valid",
    /// An array of the arguments.
    BuildArray = "json_build_array",
    /// An object of keys and values in turn.
    BuildObject = "json_build_object",
    /// Anything as JSON.
    ToJson = "to_json",
    /// The same JSON, but NULL for JSON's `null`, and 1 and 0 for its truth values: what SQLite's `json_extract` gives.
    Scalar = "json_scalar",
    /// `[0, json]` of a number and `[1, json]` of anything else, so that numbers come before texts, as in SQLite.
    Ranked = "json_ranked",
    /// As `json_typeof`, by SQLite's names: `integer`, `real`, `text`, `true`, `false`, `null`, `array` or `object`.
    KindOf = "json_kind",
    /// How many members an array has; 0 for what is none.
    Members = "json_members",
    /// `json_set(json, path, value, ..)`: with values at paths such as `$.a[0]`; what is there gives way.
    Set = "json_set",
    /// `json_insert(json, path, value, ..)`: with values at paths where nothing is.
    Insert = "json_insert",
    /// `json_replace(json, path, value, ..)`: with values at paths where something is.
    Replace = "json_replace",
    /// `json_remove(json, path, ..)`: without what is at paths; NULL if that is all.
    Remove = "json_remove",
    /// `json_patch(json, patch)`: a merge patch (RFC 7396), whose NULLs take members out.
    Patch = "json_patch",
    /// `json_set_at(json, value, creates, key, ..)`: with a value at keys within each other; whether one is made where
    /// there is none.
    SetAt = "json_set_at",
    /// `json_insert_at(json, value, behind, key, ..)`: with a value before or behind the member of an array, or under a
    /// key that there was not.
    InsertAt = "json_insert_at",
    /// `#-`, `json_remove_at(json, key, ..)`: without what is at keys within each other.
    RemoveAt = "json_remove_at",
    /// `-`: without the member of an object of this key, or the member of an array of this place, or its texts that are
    /// the same.
    RemoveKey = "json_remove_key",
    /// `||`: the members of both.
    Join = "json_join",
    /// Without the members of objects that are NULL.
    StripNulls = "json_strip_nulls",
    /// Over several lines.
    Pretty = "json_pretty",
}

family! {
    /// Functions of timestamps, in UTC.
    TimeFunction:
    /// Seconds since 1970, with their fraction.
    Epoch = "epoch",
    /// `modified_moment(text, modifier, ..)`: the point in time that SQLite reads in a text, after its modifiers, such
    /// as `start of month` and `+1 day`; NULL for what it reads none in.
    Modified = "modified_moment",
    /// The Julian day, with its fraction.
    JulianDay = "julian_day",
    /// `age(timestamp, timestamp)`: how much later the first is, as PostgreSQL words it: `1 year 2 mons 03:00:00`.
    Age = "age",
    /// `make_date(year, month, day)`.
    MakeDate = "make_date",
    /// `strftime(format, timestamp)`, with SQLite's conversions.
    Strftime = "strftime",
}
