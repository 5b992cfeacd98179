//! The samples of `samples/`: objects as people write them, and what becomes of them.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// An object as a person writes it, or two: one, and what it is changed to.
pub(crate) struct Sample {
    /// The file, below `samples/`.
    pub(crate) file: String,
    /// The objects in the file.
    pub(crate) objects: Vec<Value>,
    /// From the first line, `# expect: …`: a part of the message that refuses it.
    pub(crate) expected: Option<String>,
}

/// The one object in a file of `samples/`.
pub(crate) fn object(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(file);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The samples in a folder of `samples/`, by name.
pub(crate) fn samples(folder: &str) -> Vec<Sample> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(folder);
    let mut files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            assert_eq!(file.extension().unwrap(), "yaml", "{}", file.display());
            let text = fs::read_to_string(file).unwrap();
            let objects = serde_saphyr::from_multiple(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
            Sample {
                file: format!("{folder}/{}", file.file_name().unwrap().to_str().unwrap()),
                objects,
                expected: expected.map(str::to_owned),
            }
        })
        .collect()
}
