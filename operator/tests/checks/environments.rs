//! Environments that tests are about, and the files that say what becomes of them.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use windlass::convert::{self, Wire, kinds};
use windlass_core::ids::Uid;
use windlass_core::objects::Managed;

pub(crate) fn uid() -> Uid {
    Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap()
}

/// What the operator makes of an environment.
pub(crate) fn managed(spec: &Value) -> Managed {
    let object = json!({
        "metadata": {
            "name": "c5-ondemand", "uid": uid().to_string(), "resourceVersion": "7", "generation": 3,
            "creationTimestamp": "2026-11-23T21:00:00Z",
        },
        "spec": spec,
    });
    let wire: Wire<kinds::ComputeEnvironment> = serde_json::from_str(&object.to_string()).unwrap();
    convert::environment(&wire).unwrap().managed.unwrap()
}

pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn path(folder: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks").join(folder).join(file)
}

/// A file of a folder.
pub(crate) fn read(folder: &str, file: &str) -> Value {
    yaml(&fs::read_to_string(path(folder, file)).unwrap())
}

/// The names of a folder's cases: `NAME.environment.yaml` is one.
pub(crate) fn cases(folder: &str) -> Vec<String> {
    let files = fs::read_dir(path(folder, "")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".environment.yaml").map(str::to_owned)).collect()
}

/// Holds what was made against its file, which is rewritten with `WINDLASS_UPDATE=1`.
pub(crate) fn agree(folder: &str, file: &str, made: &Value) {
    if std::env::var_os("WINDLASS_UPDATE").is_some() {
        fs::write(path(folder, file), serde_saphyr::to_string(made).unwrap()).unwrap();
    }
    assert!(read(folder, file) == *made, "{folder}/{file}: built is {made:#}");
}
