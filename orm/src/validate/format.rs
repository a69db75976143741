//! What texts must look like.

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
        TextFormat::Ip => (text.parse::<std::net::IpAddr>().is_ok(), "Enter a valid IPv4 or IPv6 address."),
        TextFormat::Ipv4 => (text.parse::<std::net::Ipv4Addr>().is_ok(), "Enter a valid IPv4 address."),
        TextFormat::Ipv6 => (text.parse::<std::net::Ipv6Addr>().is_ok(), "Enter a valid IPv6 address."),
    };
    (!fits).then_some(words)
}

pub(super) fn is_slug(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Something before one `@`, and a host with a dot or `localhost` behind it.
pub(super) fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let user_fits = !user.is_empty() && !user.contains(|c: char| c.is_whitespace() || c == '@' || c == ',');
    user_fits && (host == "localhost" || is_host(host))
}

pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    matches!(scheme, "http" | "https" | "ftp" | "ftps")
        && (host == "localhost" || is_host(host))
        && port.parse::<u16>().is_ok()
        && !text.contains(char::is_whitespace)
}

/// Labels of letters, digits and inner hyphens, joined by dots, the last of which is not a number.
fn is_host(host: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let numbers = labels.iter().filter(|label| label.parse::<u8>().is_ok()).count();
    let is_address = labels.len() == 4 && numbers == 4;
    is_address
        || (labels.len() >= 2 && labels.iter().all(|label| label_fits(label)) && numbers < labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(is_email("a.b+c@example.com") && is_email("root@localhost"));
        assert!(!is_email("example.com") && !is_email("@example.com") && !is_email("a b@example.com"));
        assert!(
            is_url("https://example.com/a?b=c")
                && is_url("http://localhost:8000")
                && is_url("ftp://10.0.0.1")
        );
        assert!(!is_url("example.com") && !is_url("https://") && !is_url("https://exa mple.com"));
        assert!(!is_url("http://-x.com") && !is_url("http://example.com:99999"));
    }

    #[test]
    fn slugs() {
        assert!(is_slug("a-slug_1"));
        assert!(!is_slug("not a slug!"));
    }
}
