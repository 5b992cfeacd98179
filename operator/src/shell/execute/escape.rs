//! JSON as Go writes it.

/// `&`, `<`, `>` and the two line separators as `\u…`, as Go's encoder does. The API server keeps the `data` of a
/// ControllerRevision as the bytes it was given, and compares bytes to see whether it changed; a patch goes through Go's
/// encoder. So data with these letters, written plainly, could never be patched again: not even its finalizer taken.
///
/// They stand only in strings, where the one means what the other does.
pub(super) fn as_go_writes(json: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'&' => escaped.extend(br"\u0026"),
            b'<' => escaped.extend(br"\u003c"),
            b'>' => escaped.extend(br"\u003e"),
            0xe2 if after.starts_with(&[0x80, 0xa8]) => {
                escaped.extend(br"\u2028");
                rest = after.get(2..).unwrap_or_default();
            }
            0xe2 if after.starts_with(&[0x80, 0xa9]) => {
                escaped.extend(br"\u2029");
                rest = after.get(2..).unwrap_or_default();
            }
            other => escaped.push(*other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn is_written_otherwise_and_means_the_same() {
        let value = json!({"a&b": "<x> && 'y' \u{2028}\u{2029}\u{20ac} \\u0026 é"});
        let plain = serde_json::to_vec(&value).unwrap();
        let escaped = as_go_writes(&plain);
        let text = String::from_utf8(escaped.clone()).unwrap();
        assert_eq!(text, r#"{"a\u0026b":"\u003cx\u003e \u0026\u0026 'y' \u2028\u2029€ \\u0026 é"}"#);
        assert_eq!(serde_json::from_slice::<Value>(&escaped).unwrap(), value);
    }
}
