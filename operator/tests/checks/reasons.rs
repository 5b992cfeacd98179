//! Every reason code is explained to whoever reads it at 3 a.m.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where reason codes are decided.
const FILES: [&str; 10] = [
    "catalog/environment.rs",
    "catalog/queue.rs",
    "dependency/apply.rs",
    "job/accept.rs",
    "job/order.rs",
    "job/render.rs",
    "job/settle.rs",
    "job/verdict.rs",
    "schedule/explain.rs",
    "schedule/stuck.rs",
];

/// A word in CamelCase, as reason codes are.
fn is_code(text: &str) -> bool {
    text.len() > 4
        && text.starts_with(|letter: char| letter.is_ascii_uppercase())
        && text.chars().all(|letter| letter.is_ascii_alphabetic())
        && text.chars().any(|letter| letter.is_ascii_lowercase())
}

#[test]
fn operations_explain_every_reason_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let mut codes = BTreeSet::new();
    for file in FILES {
        let text = fs::read_to_string(root.join("core/src").join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        codes.extend(code.split('"').skip(1).step_by(2).filter(|text| is_code(text)).map(str::to_owned));
    }
    assert!(codes.len() > 30, "{codes:?}");
    // What an attempt's reason begins with in AWS's words is no code.
    codes.remove("OutOfMemoryError");
    let missing: Vec<&String> = codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/operations.md does not explain {missing:?}");
}
