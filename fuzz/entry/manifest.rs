//! A text of any kind, read as a manifest.

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    match ferrolb_cli::read_manifests(text) {
        Ok(documents) => {
            let again = serde_json::to_string(&documents).expect("what was read is JSON");
            let one = ferrolb_cli::read_manifests(&again).expect("JSON is YAML");
            assert_eq!(one.len(), 1, "read once more as JSON");
        }
        Err(message) => assert!(message.contains("line "), "{message}"),
    }
}
