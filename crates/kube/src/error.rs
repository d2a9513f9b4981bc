//! Why a request had no success.

use core::error::Error as _;

/// A request that failed. The text says who refused what, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The role of this process does not allow it.
    #[error("not permitted to {verb} `{resource}`: {message}; grant it in the role of this ServiceAccount")]
    Forbidden {
        /// What was tried.
        verb: &'static str,
        /// `plural.group`.
        resource: String,
        /// The API server's words.
        message: String,
    },
    /// The API server has no such kind: the CRDs are not installed.
    #[error("the API server does not know `{resource}`; install the CRDs")]
    UnknownKind {
        /// `plural.group`.
        resource: String,
    },
    /// Any other answer that is no success.
    #[error("the API server answered {code}: {message}")]
    Api {
        /// HTTP status.
        code: u16,
        /// One CamelCase word, like `Conflict`; may be empty.
        reason: String,
        /// The API server's words.
        message: String,
    },
    /// No answer.
    #[error("the API server cannot be reached: {cause}")]
    Unreachable {
        /// The chain of causes.
        cause: String,
    },
    /// No answer in time.
    #[error("the API server did not answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// This process may not write; see [`crate::fence`].
    #[error("{}", crate::fence::Fenced)]
    Fenced,
    /// An answer that is not what the API promises.
    #[error("the API server's answer cannot be read: {cause}")]
    Unreadable {
        /// What is wrong with it.
        cause: String,
    },
}

impl Error {
    /// The HTTP status, if the API server answered at all.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Forbidden { .. } => Some(403),
            Self::UnknownKind { .. } => Some(404),
            Self::Api { code, .. } => Some(*code),
            Self::Fenced | Self::Unreachable { .. } | Self::Timeout { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// The version or page asked for is no longer kept (410): list again.
    pub(crate) fn is_expired(&self) -> bool {
        self.code() == Some(410)
    }

    /// Says more about the two answers to a list or watch that have a remedy of their own.
    pub(crate) fn of(self, verb: &'static str, resource: String) -> Self {
        match self {
            Self::Api {
                code: 403, message, ..
            } => Self::Forbidden {
                verb,
                resource,
                message,
            },
            Self::Api { code: 404, .. } => Self::UnknownKind { resource },
            other => other,
        }
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Api {
                code: status.code,
                reason: status.reason,
                message: status.message,
            },
            kube::Error::SerdeError(error) => Self::Unreadable {
                cause: error.to_string(),
            },
            kube::Error::Service(error) if error.is::<crate::fence::Fenced>() => Self::Fenced,
            other => Self::Unreachable {
                cause: innermost(&other),
            },
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable {
            cause: error.to_string(),
        }
    }
}

/// The client's own layers say nothing that an operator could use; the last cause does (`Connection refused`).
fn innermost(error: &kube::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}
