//! What texts must look like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::meta::TextFormat;

/// What is wrong with a text, if anything is; all but a bad address have the code `invalid`.
pub(super) fn complaint(format: TextFormat, text: &str) -> Option<&'static str> {
    let (fits, words) = match format {
        TextFormat::Any => return None,
        TextFormat::Slug => (
            is_slug(text),
            "Enter a valid \u{201c}slug\u{201d} consisting of letters, numbers, underscores or hyphens.",
        ),
        TextFormat::Email => (is_email(text), "Enter a valid email address."),
        TextFormat::Url => (is_url(text), "Enter a valid URL."),
        // What has a colon is to be one of the second kind.
        TextFormat::Ip if text.contains(':') => return complaint(TextFormat::Ipv6, text),
        TextFormat::Ip => (text.parse::<IpAddr>().is_ok(), "Enter a valid IPv4 or IPv6 address."),
        TextFormat::Ipv4 => (text.parse::<Ipv4Addr>().is_ok(), "Enter a valid IPv4 address."),
        TextFormat::Ipv6 => (text.parse::<Ipv6Addr>().is_ok(), "Enter a valid IPv6 address."),
    };
    (!fits).then_some(words)
}

pub(super) fn is_slug(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Django's `EmailValidator`: words of ASCII joined by dots, or a text in quotes; then a domain, `localhost`, or the
/// number of a host in brackets.
pub(super) fn is_email(text: &str) -> bool {
    /// RFC 3696, section 3.
    const LENGTH_MAX: usize = 320;
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    text.chars().count() <= LENGTH_MAX
        && (is_dot_atom(user) || is_quoted(user))
        && (host == "localhost" || is_domain(host) || is_bracketed(host))
}

/// RFC 5322's dot-atom: words that may have signs in them.
fn is_dot_atom(user: &str) -> bool {
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{}|~".contains(&byte);
    user.split('.').all(|word| !word.is_empty() && word.bytes().all(is_atom))
}

/// A text in quotes, in which a backslash stands before a quote or another backslash; without spaces, as in Django.
fn is_quoted(user: &str) -> bool {
    let Some(inner) = user.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let is_line_end = |byte: u8| matches!(byte, 0 | b'\n' | b'\r');
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'\\' => bytes.next().is_some_and(|escaped| escaped.is_ascii() && !is_line_end(escaped)),
            b'"' | b' ' | b'\t' => false,
            byte => byte.is_ascii() && !is_line_end(byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// The number of a host in brackets.
fn is_bracketed(host: &str) -> bool {
    let number = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|number| number.parse::<IpAddr>().is_ok())
}

/// Django's `URLValidator`: a scheme of the web or of files, perhaps who asks, a host, and perhaps a port.
pub(super) fn is_url(text: &str) -> bool {
    /// How long a URL, and its host, may be.
    const LENGTH_MAX: usize = 2048;
    const HOST_MAX: usize = 253;
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let is_user = |user: &str| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        !name.is_empty() && !name.contains('@') && !password.contains([':', '@'])
    };
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    let is_port =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = |host: &str| {
        let number = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<Ipv4Addr>().is_ok()
            || number.is_some_and(|number| number.parse::<Ipv6Addr>().is_ok())
            || is_domain(host.strip_suffix('.').unwrap_or(host))
    };
    let is_scheme = ["http", "https", "ftp", "ftps"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    is_scheme
        && user.is_none_or(is_user)
        && is_host(host)
        && port.is_none_or(is_port)
        && host.chars().count() <= HOST_MAX
        && text.chars().count() <= LENGTH_MAX
        && !text.contains(char::is_whitespace)
}

/// Two labels or more, joined by dots. The last has two letters at least and no digit, unless it is one of those that
/// stand for other alphabets.
fn is_domain(host: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || ('\u{a1}'..='\u{ffff}').contains(&c);
    let has_length = |label: &str, least: usize| (least..=63).contains(&label.chars().count());
    let has_no_hyphen_outside = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    let is_label = |label: &str| {
        has_length(label, 1)
            && has_no_hyphen_outside(label)
            && label.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '-')
    };
    let is_last = |label: &str| {
        let is_word = || has_length(label, 2) && label.chars().all(|c| is_letter(c) || c == '-');
        let is_punycode = || {
            let prefix = label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
            let rest = label.get(4..).unwrap_or_default();
            prefix && (1..=59).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        has_no_hyphen_outside(label) && (is_word() || is_punycode())
    };
    host.rsplit_once('.').is_some_and(|(before, last)| before.split('.').all(is_label) && is_last(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Django 5.2's `validate_email` says.
    #[test]
    fn addresses_are_those_of_django() {
        let good = [
            "a.b+c@example.com",
            "root@localhost",
            "a@[127.0.0.1]",
            "a@[::1]",
            "a@b\u{fc}.de",
            "a@b.xn--p1ai",
            "A!#$%&'*+-/=?^_`{}|~@b.de",
            "\"a\\\"b\"@c.de",
            "a@b.c-d",
            "a@b.\u{e9}\u{e9}",
            "a@1.de",
        ];
        let bad = [
            "example.com",
            "@example.com",
            "a b@example.com",
            "a@b.c",
            "\u{e9}@b.com",
            "a..b@b.com",
            ".a@b.com",
            "\"a b\"@b.com",
            "a@127.0.0.1",
            "a@b-.com",
            "a@b.de-",
            "a@b.1a",
            "a@b.c1",
            "a,b@c.de",
            "a@b",
            "a@b.com\n",
            "a@b_c.de",
            "a@b@c.de",
            "a@[1.2.3]",
            "a@LOCALHOST",
            "a@b..com",
            "a@\u{e9}.\u{e9}",
        ];
        let taken = |texts: &[&str]| -> Vec<String> {
            texts.iter().filter(|text| is_email(text)).map(ToString::to_string).collect()
        };
        assert_eq!(taken(&good), good);
        assert_eq!(taken(&bad), [""; 0]);
        let long = |label: usize| format!("a@{}.com", "b".repeat(label));
        assert!(is_email(&long(63)) && !is_email(&long(64)));
    }

    /// What Django 5.2's `URLValidator` says.
    #[test]
    fn urls_are_those_of_django() {
        let good = [
            "https://example.com/a?b=c",
            "http://localhost:8000",
            "ftp://10.0.0.1",
            "HTTP://EXAMPLE.COM",
            "http://user:word@example.com:80/",
            "http://[::1]:8000/x",
            "http://example.com.",
            "http://example.com?x=a@b",
            "http://b\u{fc}cher.de",
            "http://example.com:99999",
        ];
        let bad = [
            "example.com",
            "https://",
            "https://exa mple.com",
            "http://-x.com",
            "http://a.b",
            "http://example.1a",
            "http://example.com:",
            "http://example.com:123456",
            "http://[::1",
            "http://::1/",
            "http://:word@example.com",
            "gopher://example.com",
            "http://01.2.3.4",
        ];
        let taken = |texts: &[&str]| -> Vec<String> {
            texts.iter().filter(|text| is_url(text)).map(ToString::to_string).collect()
        };
        assert_eq!(taken(&good), good);
        assert_eq!(taken(&bad), [""; 0]);
    }

    #[test]
    fn slugs() {
        assert!(is_slug("a-slug_1"));
        assert!(!is_slug("not a slug!"));
    }
}
