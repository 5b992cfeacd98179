//! The committed manifests are the ones that the types give.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use windlass_crds::{Kind, manifests};

/// Rewrites the manifests when this environment variable is set.
const UPDATE: &str = "WINDLASS_UPDATE";

#[test]
fn committed_manifests_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    let generated: BTreeMap<String, String> = Kind::ALL
        .iter()
        .map(|kind| {
            let definition = manifests::definition(*kind).unwrap();
            (format!("{}.yaml", definition.spec.names.plural), manifests::yaml(&definition).unwrap())
        })
        .collect();
    if std::env::var_os(UPDATE).is_some() {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        for (name, manifest) in &generated {
            fs::write(folder.join(name), manifest).unwrap();
        }
    }
    let committed: BTreeMap<String, String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&generated), "files in crds/manifests; rewrite them with {UPDATE}=1");
    for (name, manifest) in &generated {
        assert!(
            committed[name] == *manifest,
            "{name} is not what the types give; rewrite it with {UPDATE}=1"
        );
    }
}
