use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999)
}

/// What `log` writes; `log` gets the handle for the level.
fn logged(format: Format, level: Level, log: impl FnOnce(&LevelHandle)) -> String {
    let sink = Sink::default();
    let options = Options {
        format,
        level,
        writer: Box::new(sink.clone()),
        clock,
    };
    let (subscriber, handle, guard) = subscriber(options).expect("a thread can be started");
    tracing::subscriber::with_default(subscriber, || log(&handle));
    drop(guard);
    let bytes = sink.0.lock().expect("not poisoned").clone();
    String::from_utf8(bytes).expect("lines are UTF-8")
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write status")]
struct Outer(#[source] io::Error);

#[test]
fn json_line_has_sorted_keys_and_flat_typed_fields() {
    let line = line!() + 2;
    let text = logged(Format::Json, Level::Info, |_| {
        tracing::warn!(service = "default/web", attempts = 3, ok = false, op = %"updateServiceStatus", "a <b> \"c\"");
    });
    let want = format!(
        "{{\"attempts\":3,\"caller\":\"tests.rs:{line}\",\"level\":\"warn\",\"msg\":\"a <b> \\\"c\\\"\",\"ok\":false,\
         \"op\":\"updateServiceStatus\",\"service\":\"default/web\",\"ts\":\"2023-11-14T22:13:20Z\"}}\n"
    );
    assert_eq!(text, want);
}

#[test]
fn errors_are_text_with_their_causes() {
    let text = logged(Format::Json, Level::Info, |_| {
        let error = Outer(io::Error::other("connection reset"));
        tracing::error!(error = &error as &dyn std::error::Error, "failed");
    });
    assert!(
        text.contains(r#""error":"cannot write status: connection reset""#),
        "{text}"
    );
}

#[test]
fn text_line_quotes_values_with_blanks_only() {
    let text = logged(Format::Text, Level::Info, |_| {
        tracing::info!(ip = "192.0.2.1", reason = "no room", "serviceUpdated");
    });
    assert_eq!(
        text,
        "22:13:20 INFO  serviceUpdated ip=192.0.2.1 reason=\"no room\"\n"
    );
}

#[test]
fn level_is_changed_while_running_and_nothing_below_it_is_written() {
    let text = logged(Format::Text, Level::Warn, |level| {
        tracing::info!("one");
        level.set(Level::Debug);
        tracing::debug!("two");
        level.set(Level::None);
        tracing::error!("three");
        assert_eq!(level.get(), Level::None);
    });
    assert_eq!(text, "22:13:20 DEBUG two\n");
}

#[test]
fn libraries_are_one_step_less_talkative() {
    let text = logged(Format::Text, Level::Info, |_| {
        tracing::info!(target: "hyper::client", "inner life");
        tracing::warn!(target: "hyper::client", "matters");
        tracing::error!(target: "kube_client::client::builder", "said by the caller already");
    });
    assert_eq!(text, "22:13:20 WARN  matters\n");
}

#[test]
fn every_level_parses_from_its_name_and_nothing_else_does() {
    for level in [
        Level::All,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::None,
    ] {
        assert_eq!(level.as_str().parse(), Ok(level));
    }
    assert_eq!("verbose".parse::<Level>(), Err(UnknownLevel("verbose".into())));
}
