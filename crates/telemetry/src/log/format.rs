//! The two forms of a line.

use std::time::SystemTime;

use serde_json::Value;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object with sorted keys.
    #[default]
    Json,
    /// `15:04:05 WARN  message key=value`, for people.
    Text,
}

/// A line in the making.
pub(super) struct Line {
    now: SystemTime,
    level: tracing::Level,
    file: &'static str,
    line: u32,
    /// In the order of the event; a later value of a key wins.
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// `file` may be a path, only its last part is kept.
    pub(super) fn new(now: SystemTime, level: tracing::Level, file: &'static str, line: u32) -> Self {
        Self {
            now,
            level,
            file: file.rsplit('/').next().unwrap_or(file),
            line,
            fields: Vec::with_capacity(8),
        }
    }

    /// Sets a field. `message`, tracing's name for the text, becomes `msg`.
    pub(super) fn set(&mut self, key: &'static str, value: Value) {
        let key = if key == "message" { "msg" } else { key };
        self.fields.push((key, value));
    }

    /// The line with its line feed.
    pub(super) fn finish(mut self, format: Format) -> String {
        match format {
            Format::Json => self.json(),
            Format::Text => {
                self.sort_fields();
                self.text()
            }
        }
    }

    fn json(&mut self) -> String {
        self.set("caller", format!("{}:{}", self.file, self.line).into());
        self.set("level", level_name(self.level).into());
        self.set("ts", timestamp(self.now).into());
        self.sort_fields();
        let mut text = String::with_capacity(256);
        for (i, (key, value)) in self.fields.iter().enumerate() {
            text.push(if i == 0 { '{' } else { ',' });
            text.push_str(&Value::from(*key).to_string());
            text.push(':');
            text.push_str(&value.to_string());
        }
        text.push_str("}\n");
        text
    }

    fn text(&self) -> String {
        let ts = timestamp(self.now);
        let time = ts.get(11..19).unwrap_or(&ts);
        let mut text = format!("{time} {:<5} ", self.level);
        if let Some((_, msg)) = self.fields.iter().find(|(key, _)| *key == "msg") {
            text.push_str(msg.as_str().unwrap_or_default());
        }
        for (key, value) in self.fields.iter().filter(|(key, _)| *key != "msg") {
            text.push_str(&format!(" {key}="));
            match value.as_str() {
                Some(word) if is_plain(word) => text.push_str(word),
                _ => text.push_str(&value.to_string()),
            }
        }
        text.push('\n');
        text
    }

    fn sort_fields(&mut self) {
        // Stable and reversed first, so that of equal keys the last one comes first and is the one kept.
        self.fields.reverse();
        self.fields.sort_by_key(|(key, _)| *key);
        self.fields.dedup_by_key(|(key, _)| *key);
    }
}

fn level_name(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        // The schema has no `trace`.
        _ => "debug",
    }
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"')
}

/// RFC 3339 with whole seconds; a clock outside of the calendar (year 9999) shows the epoch.
fn timestamp(now: SystemTime) -> String {
    let ts = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    // Whole seconds are cut off, not rounded.
    jiff::Timestamp::from_second(ts.as_second())
        .unwrap_or(ts)
        .to_string()
}
