//! Commands: parameters filled in, and every byte kept from Kubernetes (SPEC.md D2; Points pinned, Commands are verbatim).

use std::collections::BTreeMap;

const REFERENCE: &str = "Ref::";

/// Fills the parameters in: `Ref::name`, also inside a longer argument. A value is not looked through again. A name without a
/// value stays as it is, as in AWS Batch.
pub(super) fn fill_in(argument: &str, parameters: &BTreeMap<&str, &str>) -> String {
    let mut filled = String::with_capacity(argument.len());
    let mut rest = argument;
    while let Some(at) = rest.find(REFERENCE) {
        let (before, reference) = rest.split_at(at);
        filled.push_str(before);
        let name = &reference[REFERENCE.len()..];
        let (value, after) = match longest_known(name, parameters) {
            Some((known, value)) => (value, &name[known.len()..]),
            None => (REFERENCE, name),
        };
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// The longest parameter that `text` begins with: `Ref::input.txt` means `input` where there is no `input.txt`.
fn longest_known<'a>(text: &str, parameters: &BTreeMap<&'a str, &'a str>) -> Option<(&'a str, &'a str)> {
    let known = parameters.iter().filter(|(name, _)| !name.is_empty() && text.starts_with(**name));
    known.max_by_key(|(name, _)| name.len()).map(|(name, value)| (*name, *value))
}

/// Escapes what Kubernetes would expand in args and variables: `$(NAME)` and `$$`. The container sees what the user wrote.
pub(super) fn verbatim(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(argument: &str) -> String {
        let parameters =
            BTreeMap::from([("codec", "mp4"), ("in", "a Ref::codec b"), ("input", "x.avi"), ("empty", "")]);
        fill_in(argument, &parameters)
    }

    #[test]
    fn references_are_replaced_once_and_the_longest_name_wins() {
        assert_eq!(filled("Ref::codec"), "mp4");
        assert_eq!(filled("--in=Ref::input.bak:Ref::codec"), "--in=x.avi.bak:mp4");
        assert_eq!(filled("Ref::in"), "a Ref::codec b");
        assert_eq!(filled("<Ref::empty>"), "<>");
        assert_eq!(filled("Ref::unknown Ref::"), "Ref::unknown Ref::");
        assert_eq!(filled("größe Ref::codecß"), "größe mp4ß");
    }

    #[test]
    fn dollars_reach_the_container() {
        assert_eq!(verbatim("echo $$ $(echo $A)"), "echo $$$$ $$(echo $$A)");
    }
}
