//! Every scenario in `tests/scenarios`: its commands are played, and what follows must be what the file says.
//!
//! A scenario is a transcript: lines at the margin are commands and comments, indented lines what came of them. Rewrite with
//! `WINDLASS_UPDATE=1`.

use std::fs;
use std::path::{Path, PathBuf};
use windlass_sim::script::play;

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_goes_as_written() {
    let update = std::env::var_os("WINDLASS_UPDATE").is_some();
    let mut differing = Vec::new();
    for file in scenarios() {
        let written = fs::read_to_string(&file).unwrap();
        let commands: Vec<&str> = written.lines().filter(|line| !line.starts_with(' ')).collect();
        let played = play(&commands.join("\n")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if played != written && update {
            fs::write(&file, &played).unwrap();
        } else if played != written {
            differing.push(format!("{}:\n{}", file.display(), first_difference(&written, &played)));
        }
    }
    assert!(differing.is_empty(), "{}\nIf that is meant: WINDLASS_UPDATE=1", differing.join("\n"));
}

fn first_difference(written: &str, played: &str) -> String {
    let pair = written.lines().zip(played.lines()).find(|(written, played)| written != played);
    match pair {
        Some((written, played)) => format!("  written: {written}\n  played:  {played}"),
        None => format!("  one has {} lines, the other {}", written.lines().count(), played.lines().count()),
    }
}

/// Rows of SPEC.md that are built and can be shown without a real kubelet: each has a scenario named after it.
#[test]
fn every_row_has_a_scenario() {
    let names: Vec<String> =
        scenarios().iter().map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    for row in [
        "j1", "j4", "j5", "j6", "j7", "j8", "j9", "j10", "a1", "a2", "a3", "a4", "a5", "d1", "q1", "q2",
        "q3", "q4", "q5", "c1", "c2", "c3", "c4", "c5", "m1", "m2", "m3", "m4", "m5",
    ] {
        assert!(names.iter().any(|name| name.starts_with(&format!("{row}_"))), "no scenario for row {row}");
    }
}
