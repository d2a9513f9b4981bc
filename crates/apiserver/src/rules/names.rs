//! What objects may be called.

/// Why `name` is no DNS-1123 subdomain, if it is none.
pub(crate) fn dns_1123_subdomain(name: &str) -> Option<String> {
    if name.len() > 253 {
        return Some("must be no more than 253 bytes".to_owned());
    }
    let ok = name.split('.').all(|part| is_label(part, false));
    (!ok).then(|| {
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned()
    })
}

/// Why `name` cannot be a segment of a path, if it cannot.
pub(crate) fn path_segment(name: &str) -> Option<String> {
    if matches!(name, "." | "..") {
        return Some(format!("may not be '{name}'"));
    }
    let bad = ["/", "%"].into_iter().find(|c| name.contains(c));
    bad.map(|c| format!("may not contain '{c}'"))
}

/// Why `name` is no DNS-1123 label, if it is none.
pub(crate) fn dns_1123_label(name: &str) -> Option<String> {
    if name.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    (!is_label(name, false)).then(|| {
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
         with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            .to_owned()
    })
}

/// Why `name` is no DNS-1035 label, if it is none.
pub(crate) fn dns_1035_label(name: &str) -> Option<String> {
    if name.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    (!is_label(name, true)).then(|| {
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
         character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation \
         is '[a-z]([-a-z0-9]*[a-z0-9])?')"
            .to_owned()
    })
}

fn is_label(text: &str, letter_first: bool) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    word(*first)
        && word(*last)
        && (!letter_first || first.is_ascii_lowercase())
        && bytes.iter().all(|b| word(*b) || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_by_their_kind() {
        assert_eq!(dns_1123_subdomain("a.b-1"), None);
        assert!(dns_1123_subdomain("a..b").is_some());
        assert!(dns_1123_subdomain("").is_some());
        assert!(dns_1035_label("1a").is_some() && dns_1123_label("1a").is_none());
        assert!(dns_1123_label("a.b").is_some());
    }
}
