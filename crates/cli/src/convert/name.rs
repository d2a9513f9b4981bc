//! Names that Kubernetes accepts (operations 8).

/// Longest name of an object that the reference's converter makes.
const MAX: usize = 63;

/// The name, if it is one; else cut, in lower case, with dashes for underscores, from the first letter on. None if there is
/// no letter at all.
pub(super) fn sanitise(text: &str) -> Option<String> {
    if is_plain(text) {
        return Some(text.to_owned());
    }
    let cut: String = text.chars().take(MAX).collect();
    let lower = cut.to_lowercase().replace('_', "-");
    let from = lower.find(|c: char| c.is_ascii_lowercase())?;
    let valid = lower[from..].chars().map(|c| match c {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    });
    let name: String = valid.collect();
    Some(name.trim_end_matches('-').to_owned())
}

/// `^[a-z][-a-z0-9]{0,61}[a-z0-9]$`
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=MAX).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes[bytes.len() - 1] != b'-'
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// Parts joined to one name; what cannot be part of a name is left out.
pub(super) fn join(parts: &[&str]) -> String {
    let joined = parts.join("-");
    sanitise(&joined).unwrap_or_else(|| "unnamed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_valid_stay_and_others_are_made_so() {
        for (text, name) in [
            ("default", "default"),
            ("01-numbered-addresspool", "numbered-addresspool"),
            ("My_Pool", "my-pool"),
            ("a", "a"),
            ("pool.v4", "pool-v4"),
            ("pool_", "pool"),
        ] {
            assert_eq!(sanitise(text).as_deref(), Some(name), "{text}");
        }
        assert_eq!(sanitise("123"), None);
        let long = "a".repeat(80);
        assert_eq!(sanitise(&long).map(|name| name.len()), Some(63));
    }
}
