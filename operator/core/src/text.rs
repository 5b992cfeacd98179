//! Texts that people read: kept short.

use crate::ids::Name;

/// `text` with at most `letters` letters; what is cut off is marked.
pub fn cut(text: &Name, letters: usize) -> Name {
    if text.as_str().chars().count() <= letters {
        return text.clone();
    }
    let kept: String = text.as_str().chars().take(letters.saturating_sub(1)).collect();
    Name::from(format!("{kept}…"))
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
    fn cuts_letters_not_bytes() {
        assert_eq!(cut(&Name::from("größer"), 6).as_str(), "größer");
        assert_eq!(cut(&Name::from("größer"), 4).as_str(), "grö…");
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
