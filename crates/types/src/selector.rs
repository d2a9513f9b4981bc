//! Label selectors: the checked form of what Kubernetes objects carry.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Labels;

/// All requirements must hold; without any, every object matches (api-and-config 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label's key.
    pub key: Box<str>,
    /// What must hold for it.
    pub condition: Condition,
}

/// What a [`Requirement`] asks of its label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// The label is present with one of these values.
    In(Vec<Box<str>>),
    /// The label is absent or has none of these values.
    NotIn(Vec<Box<str>>),
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

/// Why a selector is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The key is no qualified name.
    #[error(
        "`{0}` is not a label key; use letters, digits, `-`, `_`, `.`, at most 63 characters, with an optional `domain/` before it"
    )]
    InvalidKey(String),
    /// A value is no label value.
    #[error(
        "`{0}` is not a label value; use letters, digits, `-`, `_`, `.`, at most 63 characters, beginning and ending with a letter or digit"
    )]
    InvalidValue(String),
    /// The operator is none of the four.
    #[error("`{0}` is not an operator; use `In`, `NotIn`, `Exists` or `DoesNotExist`")]
    UnknownOperator(String),
    /// `In` and `NotIn` need values.
    #[error("operator `{operator}` for key `{key}` needs at least one value")]
    MissingValues {
        /// The label's key.
        key: String,
        /// `In` or `NotIn`.
        operator: String,
    },
    /// `Exists` and `DoesNotExist` take none.
    #[error("operator `{operator}` for key `{key}` takes no values")]
    UnexpectedValues {
        /// The label's key.
        key: String,
        /// `Exists` or `DoesNotExist`.
        operator: String,
    },
}

impl Selector {
    /// Matches every object.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Builds a selector of requirements that must all hold.
    ///
    /// # Errors
    /// The first key or value that Kubernetes would refuse, or an operator whose values do not fit it.
    pub fn new(requirements: Vec<Requirement>) -> Result<Self, SelectorError> {
        requirements.iter().try_for_each(Requirement::check)?;
        Ok(Self { requirements })
    }

    /// Whether an object with these labels matches.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|r| r.holds(labels))
    }

    /// Whether this selector matches every object.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements, as they were given.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    /// `key` must have exactly `value`, the meaning of a `matchLabels` entry.
    #[must_use]
    pub fn equals(key: &str, value: &str) -> Self {
        Self {
            key: key.into(),
            condition: Condition::In(vec![value.into()]),
        }
    }

    /// Reads a `matchExpressions` entry.
    ///
    /// # Errors
    /// [`SelectorError::UnknownOperator`], or values that do not fit the operator.
    pub fn parse(key: &str, operator: &str, values: &[String]) -> Result<Self, SelectorError> {
        let listed = || values.iter().map(|v| v.as_str().into()).collect();
        let condition = match operator {
            "In" => Condition::In(listed()),
            "NotIn" => Condition::NotIn(listed()),
            "Exists" => Condition::Exists,
            "DoesNotExist" => Condition::DoesNotExist,
            other => return Err(SelectorError::UnknownOperator(other.to_owned())),
        };
        if !values.is_empty() && matches!(condition, Condition::Exists | Condition::DoesNotExist) {
            return Err(SelectorError::UnexpectedValues {
                key: key.to_owned(),
                operator: operator.to_owned(),
            });
        }
        Ok(Self {
            key: key.into(),
            condition,
        })
    }

    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.condition {
            Condition::In(values) => value.is_some_and(|v| values.iter().any(|w| **w == *v)),
            Condition::NotIn(values) => value.is_none_or(|v| values.iter().all(|w| **w != *v)),
            Condition::Exists => value.is_some(),
            Condition::DoesNotExist => value.is_none(),
        }
    }

    fn check(&self) -> Result<(), SelectorError> {
        if !is_qualified_name(&self.key) {
            return Err(SelectorError::InvalidKey(self.key.to_string()));
        }
        let (values, operator) = match &self.condition {
            Condition::In(values) => (values, "In"),
            Condition::NotIn(values) => (values, "NotIn"),
            Condition::Exists | Condition::DoesNotExist => return Ok(()),
        };
        if values.is_empty() {
            return Err(SelectorError::MissingValues {
                key: self.key.to_string(),
                operator: operator.to_owned(),
            });
        }
        match values.iter().find(|v| !is_label_value(v)) {
            Some(bad) => Err(SelectorError::InvalidValue(bad.to_string())),
            None => Ok(()),
        }
    }
}

/// The canonical text: `a=1,b in (x,y),!c`, the form that `kubectl get -l` takes.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.condition {
            Condition::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0]),
            Condition::In(values) => write!(f, "{key} in ({})", values.join(",")),
            Condition::NotIn(values) => write!(f, "{key} notin ({})", values.join(",")),
            Condition::Exists => f.write_str(key),
            Condition::DoesNotExist => write!(f, "!{key}"),
        }
    }
}

/// `[domain/]name`: the domain a DNS-1123 subdomain of at most 253 characters, the name like a non-empty value.
fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        None => !text.is_empty() && is_label_value(text),
        Some((domain, name)) => is_dns_subdomain(domain) && !name.is_empty() && is_label_value(name),
    }
}

/// Empty, or at most 63 characters of letters, digits, `-_.` with a letter or digit at both ends.
fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    text.len() <= 63
        && bytes.iter().copied().all(inner)
        && ends.is_none_or(|(a, z)| a.is_ascii_alphanumeric() && z.is_ascii_alphanumeric())
}

fn is_dns_subdomain(text: &str) -> bool {
    let label = |part: &str| {
        let bytes = part.as_bytes();
        let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        bytes
            .first()
            .zip(bytes.last())
            .is_some_and(|(a, z)| word(a) && word(z))
            && bytes.iter().all(|b| word(b) || *b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn selector(key: &str, operator: &str, values: &[&str]) -> Result<Selector, SelectorError> {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        Selector::new(vec![Requirement::parse(key, operator, &values)?])
    }

    #[test]
    fn an_empty_selector_matches_everything() {
        assert!(Selector::everything().matches(&labels(&[])));
    }

    #[test]
    fn negative_operators_match_objects_that_lack_the_key() {
        for (operator, values) in [("NotIn", &["x"][..]), ("DoesNotExist", &[])] {
            let selector = selector("zone", operator, values).unwrap();
            assert!(selector.matches(&labels(&[("other", "x")])), "{operator}");
            assert!(!selector.matches(&labels(&[("zone", "x")])), "{operator}");
        }
    }

    #[test]
    fn positive_operators_need_the_key() {
        for (operator, values) in [("In", &["x", "y"][..]), ("Exists", &[])] {
            let selector = selector("zone", operator, values).unwrap();
            assert!(selector.matches(&labels(&[("zone", "y")])), "{operator}");
            assert!(!selector.matches(&labels(&[])), "{operator}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        assert!(matches!(
            selector("", "Exists", &[]),
            Err(SelectorError::InvalidKey(_))
        ));
        assert!(matches!(
            selector("UP/", "Exists", &[]),
            Err(SelectorError::InvalidKey(_))
        ));
        assert!(matches!(
            selector("Not.A.Domain/x", "Exists", &[]),
            Err(SelectorError::InvalidKey(_))
        ));
        assert!(matches!(
            selector("a", "In", &["-x"]),
            Err(SelectorError::InvalidValue(_))
        ));
        assert!(matches!(
            selector("a", "In", &[]),
            Err(SelectorError::MissingValues { .. })
        ));
        assert!(matches!(
            selector("a", "Exists", &["x"]),
            Err(SelectorError::UnexpectedValues { .. })
        ));
        assert!(matches!(
            selector("a", "Equals", &["x"]),
            Err(SelectorError::UnknownOperator(_))
        ));
    }

    #[test]
    fn long_keys_and_values_are_bounded() {
        let long = "x".repeat(64);
        assert!(selector(&long, "Exists", &[]).is_err());
        assert!(selector("a", "In", &[&long]).is_err());
        assert!(selector(&"x".repeat(63), "In", &[""]).is_ok());
    }
}
