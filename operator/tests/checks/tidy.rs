//! What can be checked of the house rules, checked.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 130;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Rust files of the workspace, with their text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in ["crds", "operator", "e2e"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn files_are_short_and_lines_too() {
    let mut complaints = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            complaints.push(format!("{}: {lines} lines, at most {FILE_LINES}", path.display()));
        }
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.chars().count() > COLUMNS) {
            complaints.push(format!("{}:{}: {} columns", path.display(), number + 1, line.chars().count()));
        }
    }
    complain(&complaints);
}

#[test]
fn functions_are_short() {
    let mut complaints = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some(indent) = function_indent(line) else { continue };
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[number..].iter().take_while(|line| **line != end).count() + 1;
            let is_declaration =
                lines[number..].iter().take(8).any(|line| line.ends_with(';') && !line.contains('{'));
            if length > FUNCTION_LINES && !is_declaration {
                complaints.push(format!("{}:{}: a function of {length} lines", path.display(), number + 1));
            }
        }
    }
    complain(&complaints);
}

fn function_indent(line: &str) -> Option<usize> {
    let code = line.trim_start();
    let starts = [
        "fn ",
        "pub fn ",
        "pub(crate) fn ",
        "pub(super) fn ",
        "async fn ",
        "pub async fn ",
        "pub(super) async fn ",
        "const fn ",
    ];
    let opens = line.ends_with('{') || line.ends_with('(');
    (opens && starts.iter().any(|start| code.starts_with(start))).then_some(line.len() - code.len())
}

#[test]
fn the_core_knows_no_world() {
    let forbidden = [
        "std::env",
        "std::fs",
        "std::net",
        "std::thread",
        "std::process",
        "Instant",
        "SystemTime",
        "HashMap",
        "HashSet",
        "tokio",
        "kube::",
        "k8s_openapi",
        "println!",
    ];
    let core = root().join("operator/core/src");
    let mut complaints = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with(&core)) {
        for word in forbidden.iter().filter(|word| text.contains(**word)) {
            complaints.push(format!("{}: {word}", path.display()));
        }
    }
    let manifest = fs::read_to_string(root().join("operator/core/Cargo.toml")).unwrap();
    if manifest.contains("[dependencies]") {
        complaints.push("the core has dependencies".to_owned());
    }
    complain(&complaints);
}

#[test]
fn every_limit_has_its_reason() {
    let text = fs::read_to_string(root().join("operator/core/src/limits.rs")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let constants: Vec<usize> =
        (0..lines.len()).filter(|number| lines[*number].starts_with("pub const ")).collect();
    assert!(constants.len() > 10);
    for number in constants {
        let reason: String =
            lines[..number].iter().rev().take_while(|line| line.starts_with("///")).copied().collect();
        assert!(reason.split_whitespace().count() > 6, "{} has no reason", lines[number]);
    }
}

#[test]
fn nothing_unfinished_is_left() {
    let marks = ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX", "#[allow(", "#[expect(", "#[ignore"];
    let mut complaints = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("checks/tidy.rs")) {
        for (number, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{}: {mark}", path.display(), number + 1));
            }
        }
    }
    complain(&complaints);
}
