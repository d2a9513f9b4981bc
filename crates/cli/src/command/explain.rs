//! `ferrolb explain`: a reason word, or a Service.

mod reason;
mod service;
mod text;

use std::process::ExitCode;

use crate::args::ExplainArgs;

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match service_named(&args.what) {
        Some(name) => service::run(&name, args),
        None => reason::run(&args.what.join(" "), args.output),
    }
}

/// What follows `svc/`, or the word after `svc`.
fn service_named(what: &[String]) -> Option<String> {
    const KINDS: [&str; 3] = ["svc", "service", "services"];
    let (kind, name) = match what {
        [one] => one.split_once('/')?,
        [kind, name] => (&**kind, &**name),
        _ => return None,
    };
    KINDS
        .iter()
        .any(|k| k.eq_ignore_ascii_case(kind))
        .then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_as_for_kubectl() {
        let named = |what: &[&str]| service_named(&what.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&["svc/web"]).as_deref(), Some("web"));
        assert_eq!(named(&["service/shop/web"]).as_deref(), Some("shop/web"));
        assert_eq!(named(&["Service", "web"]).as_deref(), Some("web"));
        assert_eq!(named(&["PoolExhausted"]), None);
        assert_eq!(named(&["not", "enough", "clusterips"]), None);
    }
}
