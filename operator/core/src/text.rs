//! Texts that people read: kept short.

use crate::ids::Name;

/// `text` with at most `bytes` bytes; what is cut off is marked.
pub fn cut(text: &Name, bytes: usize) -> Name {
    const MARK: &str = "…";
    if text.as_str().len() <= bytes {
        return text.clone();
    }
    let end = text.as_str().floor_char_boundary(bytes.saturating_sub(MARK.len()));
    let kept = text.as_str().get(..end).unwrap_or_default();
    Name::from(format!("{kept}{MARK}"))
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_letters() {
        assert_eq!(cut(&Name::from("größer"), 8).as_str(), "größer");
        assert_eq!(cut(&Name::from("größer"), 7).as_str(), "grö…");
        assert_eq!(cut(&Name::from("größer"), 6).as_str(), "gr…");
    }

    #[test]
    fn lists_read_well() {
        let parts: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(
            (list(&parts[..1]), list(&parts[..2]), list(&parts)),
            ("a".into(), "a and b".into(), "a, b and c".into())
        );
    }
}
