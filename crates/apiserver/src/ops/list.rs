//! `list`: pages of one consistent state.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferrolb_types::ObjectKey;

use super::Core;
use crate::error::{ApiError, Cause};
use crate::kinds::Resource;
use crate::object::Stored;
use crate::selector::Filter;

/// How `resourceVersion` of a list is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionMatch {
    /// Not said.
    Unset,
    /// Exactly that state.
    Exact,
    /// That state or a later one.
    NotOlderThan,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct ListOptions {
    /// At most so many; 0 means all.
    pub(crate) limit: usize,
    /// The token of the page before; empty for the first.
    pub(crate) token: String,
    /// `resourceVersion`; empty means the latest.
    pub(crate) version: String,
    /// How it is meant.
    pub(crate) version_match: VersionMatch,
}

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The objects.
    pub(crate) items: Vec<Arc<Stored>>,
    /// The state that the whole list is of.
    pub(crate) version: u64,
    /// Asks for the next page; empty after the last.
    pub(crate) token: String,
    /// How many are left, where that is known.
    pub(crate) remaining: Option<usize>,
}

impl Core {
    /// One page of the objects in `namespace` (empty: all) that match.
    pub(crate) fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        filter: &Filter,
        options: &ListOptions,
    ) -> Result<Page, ApiError> {
        let (version, after) = self.start(options)?;
        let all = self.state(resource, namespace, version, after.as_ref())?;
        let total = all.len();
        let mut items = Vec::new();
        let (mut last, mut used) = (None, 0);
        for (key, object) in all {
            if options.limit > 0 && items.len() == options.limit {
                break;
            }
            used += 1;
            if filter.matches(&object) {
                items.push(object);
                last = Some(key);
            }
        }
        let more = used < total;
        let token = match last {
            Some(key) if more => encode_token(version, &key),
            _ => String::new(),
        };
        Ok(Page {
            items,
            version,
            token,
            remaining: (more && filter.is_everything()).then_some(total - used),
        })
    }

    /// Which state is meant, and after which key the page begins.
    fn start(&self, options: &ListOptions) -> Result<(u64, Option<ObjectKey>), ApiError> {
        if !options.token.is_empty() {
            let (version, key) = decode_token(&options.token)?;
            return Ok((version, Some(key)));
        }
        let current = self.store.version();
        if options.version.is_empty() {
            return match options.version_match {
                VersionMatch::Unset => Ok((current, None)),
                _ => Err(match_without_version()),
            };
        }
        let asked = parse_version(&options.version)?;
        if asked > current {
            return Err(ApiError::too_large_version(asked, current));
        }
        let exact = match options.version_match {
            VersionMatch::Exact => true,
            VersionMatch::NotOlderThan => false,
            // What a limit without a match means for the real server.
            VersionMatch::Unset => options.limit > 0 && asked > 0,
        };
        Ok((if exact { asked } else { current }, None))
    }

    /// All objects of a namespace after `after`, as they were at `version`.
    fn state(
        &self,
        resource: &Resource,
        namespace: &str,
        version: u64,
        after: Option<&ObjectKey>,
    ) -> Result<Vec<(ObjectKey, Arc<Stored>)>, ApiError> {
        let now = self.store.range(&resource.id, namespace, after);
        let now = now.map(|(key, object)| (key.clone(), Arc::clone(object)));
        if version == self.store.version() {
            return Ok(now.collect());
        }
        let undone = self
            .store
            .undone(&resource.id, version)
            .map_err(|_| expired(after.is_some()))?;
        if undone.is_empty() {
            return Ok(now.collect());
        }
        let mut state: BTreeMap<ObjectKey, Arc<Stored>> = now.collect();
        for (key, object) in undone {
            let is_wanted = (namespace.is_empty() || key.namespace.as_str() == namespace)
                && after.is_none_or(|a| key > *a);
            match object {
                Some(object) if is_wanted => state.insert(key, object),
                _ => state.remove(&key),
            };
        }
        Ok(state.into_iter().collect())
    }
}

/// Reads a resource version.
pub(crate) fn parse_version(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
             invalid syntax"
        ))
    })
}

fn match_without_version() -> ApiError {
    let cause = Cause::forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
    ApiError::invalid("meta.k8s.io", "ListOptions", "", vec![cause])
}

fn expired(is_page: bool) -> ApiError {
    ApiError::expired(if is_page {
        "The provided continue parameter is too old to display a consistent list result. You must start a new list \
         without the continue parameter."
    } else {
        "The resourceVersion for the provided list is too old."
    })
}

fn encode_token(version: u64, key: &ObjectKey) -> String {
    URL_SAFE_NO_PAD.encode(format!("{version}:{}/{}", key.namespace, key.name))
}

fn decode_token(token: &str) -> Result<(u64, ObjectKey), ApiError> {
    let decode = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (version, key) = text.split_once(':')?;
        let (namespace, name) = key.split_once('/')?;
        Some((version.parse().ok()?, ObjectKey::new(namespace, name)))
    };
    decode().ok_or_else(|| ApiError::bad_request("invalid continue token: continue key is not valid"))
}
