//! Bearer tokens from a file, in the format of kube-apiserver's `--token-auth-file`.

use std::collections::BTreeMap;

/// Known tokens.
#[derive(Clone, Debug, Default)]
pub struct Tokens(BTreeMap<String, User>);

/// Who a token belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The uid, which may be empty.
    pub uid: String,
    /// Groups beside `system:authenticated`.
    pub groups: Vec<String>,
}

/// A line of a token file that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the token file is not `TOKEN,USER,UID[,\"GROUP,GROUP\"]`")]
pub struct TokenFileError {
    /// Counted from 1.
    pub line: usize,
}

impl Tokens {
    /// Reads lines of `TOKEN,USER,UID[,"GROUP,GROUP"]`; empty lines and lines with `#` are skipped.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let mut tokens = BTreeMap::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (token, user) = parse_line(line).ok_or(TokenFileError { line: i + 1 })?;
            tokens.insert(token, user);
        }
        Ok(Self(tokens))
    }

    /// The owner of the token in an `Authorization` header.
    #[must_use]
    pub fn user(&self, header: Option<&str>) -> Option<&User> {
        let (scheme, token) = header?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        self.0.get(token.trim())
    }
}

fn parse_line(line: &str) -> Option<(String, User)> {
    let mut parts = line.splitn(4, ',').map(str::trim);
    let (token, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let groups = parts.next().unwrap_or_default().trim_matches('"');
    if token.is_empty() || name.is_empty() {
        return None;
    }
    let groups = groups
        .split(',')
        .map(str::trim)
        .filter(|g| !g.is_empty())
        .map(str::to_owned);
    let user = User {
        name: name.to_owned(),
        uid: uid.to_owned(),
        groups: groups.collect(),
    };
    Some((token.to_owned(), user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_bearer_token_names_its_user() {
        let tokens = Tokens::parse("# comment\n\nabc, admin, 1, \"system:masters,ops\"\n").unwrap();
        let user = tokens.user(Some("Bearer abc")).unwrap();
        assert_eq!((user.name.as_str(), user.groups.len()), ("admin", 2));
        for header in [None, Some("Bearer x"), Some("Basic abc"), Some("abc")] {
            assert_eq!(tokens.user(header), None, "{header:?}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        assert_eq!(Tokens::parse("a,b,c\nd").unwrap_err().line, 2);
    }
}
