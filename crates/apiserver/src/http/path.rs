//! From a URL path to what it names.

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Objects, or one object, or a part of one.
    Objects(ObjectPath),
    /// `/api` and `/apis`: which groups there are; the flag is whether it is the core group's.
    Groups {
        /// `/api`.
        core: bool,
    },
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`: which kinds there are.
    Version {
        /// Empty for the core group.
        group: String,
        /// The version.
        version: String,
    },
    /// `/version`.
    ServerVersion,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`.
    OpenApiV3,
    /// `/openapi/v3/apis/GROUP/VERSION`: the part after `/openapi/v3/`.
    OpenApiV3Of(String),
    /// `/`.
    Root,
}

/// A path below a group and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectPath {
    /// Empty for the core group.
    pub(crate) group: String,
    /// The version.
    pub(crate) version: String,
    /// Empty for cluster-scoped kinds and for all namespaces.
    pub(crate) namespace: String,
    /// The resource.
    pub(crate) plural: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

/// Reads a path; `None` for one that nothing can be under.
pub(crate) fn parse(path: &str) -> Option<Route> {
    let decoded: Vec<String> = path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(percent_decoded)
        .collect::<Option<_>>()?;
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    Some(match parts.as_slice() {
        [] => Route::Root,
        ["version"] => Route::ServerVersion,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["openapi", "v2"] => Route::OpenApiV2,
        ["openapi", "v3"] => Route::OpenApiV3,
        ["openapi", "v3", rest @ ..] => Route::OpenApiV3Of(rest.join("/")),
        ["api"] => Route::Groups { core: true },
        ["apis"] => Route::Groups { core: false },
        ["apis", group] => Route::Group((*group).to_owned()),
        ["api", version] => version_route("", version),
        ["apis", group, version] => version_route(group, version),
        ["api", version, rest @ ..] => Route::Objects(objects("", version, rest)?),
        ["apis", group, version, rest @ ..] => Route::Objects(objects(group, version, rest)?),
        _ => return None,
    })
}

fn version_route(group: &str, version: &str) -> Route {
    Route::Version {
        group: group.to_owned(),
        version: version.to_owned(),
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Option<ObjectPath> {
    let (namespace, rest) = match rest {
        // `/namespaces/NAME` and its subresources are the Namespace itself.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] => (*namespace, rest),
        rest => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, "", ""),
        [plural, name] => (plural, *name, ""),
        [plural, name, subresource] => (plural, *name, *subresource),
        _ => return None,
    };
    Some(ObjectPath {
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: namespace.to_owned(),
        plural: (*plural).to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    })
}

/// `%3A` and the like; `None` for what is no UTF-8.
fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h * 16 + l, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> ObjectPath {
        match parse(path) {
            Some(Route::Objects(object)) => object,
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn paths_name_collections_objects_and_parts() {
        let found = object("/apis/metallb.io/v1beta1/namespaces/ns/ipaddresspools/p/status");
        let expected = ObjectPath {
            group: "metallb.io".into(),
            version: "v1beta1".into(),
            namespace: "ns".into(),
            plural: "ipaddresspools".into(),
            name: "p".into(),
            subresource: "status".into(),
        };
        assert_eq!(found, expected);
        let found = object("/api/v1/services");
        assert_eq!(
            (found.plural.as_str(), found.namespace.as_str()),
            ("services", "")
        );
        assert_eq!(
            object("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode").name,
            "system:node"
        );
    }

    #[test]
    fn a_namespace_is_an_object_and_a_place() {
        assert_eq!(object("/api/v1/namespaces/ns").name, "ns");
        assert_eq!(object("/api/v1/namespaces/ns/status").subresource, "status");
        let found = object("/api/v1/namespaces/ns/pods");
        assert_eq!((found.plural.as_str(), found.namespace.as_str()), ("pods", "ns"));
    }

    #[test]
    fn what_is_nowhere_is_none() {
        for path in ["/foo", "/api/v1/a/b/c/d/e", "/apis/g/v1/%ff"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
