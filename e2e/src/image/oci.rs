//! OCI archives: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::EntryType;

use super::layer::{Archive, Layer};

/// The annotation that containerd takes an image's name from.
const NAME: &str = "io.containerd.image.name";

/// An image of one layer.
pub(crate) struct Image {
    /// Its whole name, such as `windlass.dev/busybox:1`.
    pub(crate) name: String,
    /// Its files.
    pub(crate) layer: Layer,
    /// How a container of it is run: the `config` of its configuration, with `Entrypoint`, `Env`, `User` ….
    pub(crate) config: Value,
}

/// The archive of some images. Blobs that they share are in it once.
pub(crate) fn archive(images: &[Image]) -> Result<Vec<u8>> {
    let mut blobs = Blobs::default();
    let manifests = images.iter().map(|image| manifest(image, &mut blobs)).collect::<Result<Vec<_>>>()?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    let mut archive = Archive::default();
    let mut add = |path: &str, content: &[u8]| archive.add(path, EntryType::Regular, 0o644, None, content);
    add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    add("index.json", index.to_string().as_bytes())?;
    for (digest, content) in &blobs.0 {
        add(&format!("blobs/sha256/{digest}"), content)?;
    }
    archive.finish()
}

/// Blobs by their digests in hexadecimal.
#[derive(Default)]
struct Blobs(BTreeMap<String, Vec<u8>>);

impl Blobs {
    /// Adds a blob and gives its descriptor.
    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let descriptor =
            json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()});
        self.0.insert(digest, content);
        descriptor
    }
}

fn manifest(image: &Image, blobs: &mut Blobs) -> Result<Value> {
    let platform = json!({"architecture": architecture()?, "os": "linux"});
    let layer = blobs.add("application/vnd.oci.image.layer.v1.tar", image.layer.archive()?);
    // The layer is not compressed, so its digest is also that of its content.
    let mut config = json!({
        "created": "1970-01-01T00:00:00Z",
        "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": [layer.get("digest")]},
    });
    merge(&mut config, &platform);
    let config = blobs.add("application/vnd.oci.image.config.v1+json", config.to_string().into_bytes());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]});
    let mut descriptor = blobs.add(media_type, manifest.to_string().into_bytes());
    merge(&mut descriptor, &json!({"platform": platform, "annotations": {NAME: image.name}}));
    Ok(descriptor)
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.clone());
    }
}

/// This machine's architecture in Go's words, which the specification uses.
fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no image can be made for {other}: only for x86_64 and aarch64"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn image(name: &str, content: &str) -> Image {
        let config = json!({"Entrypoint": ["/file"], "User": "65532"});
        Image { name: name.to_owned(), layer: Layer::default().file("file", 0o755, content), config }
    }

    fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(archive);
        let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    fn json_of(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
        serde_json::from_slice(&files[path]).unwrap()
    }

    fn blob(descriptor: &Value) -> String {
        descriptor["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/")
    }

    #[test]
    fn index_manifest_config_and_layer_are_chained_by_digest_and_size() {
        let files = files(&archive(&[image("windlass.dev/x:1", "content")]).unwrap());
        assert_eq!(json_of(&files, "oci-layout")["imageLayoutVersion"], "1.0.0");
        let descriptor = json_of(&files, "index.json")["manifests"][0].clone();
        assert_eq!(descriptor["annotations"][NAME], "windlass.dev/x:1");
        let manifest = json_of(&files, &blob(&descriptor));
        let config = json_of(&files, &blob(&manifest["config"]));
        let layer = &files[&blob(&manifest["layers"][0])];
        assert_eq!(manifest["layers"][0]["size"], layer.len());
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        assert_eq!(config["config"]["User"], "65532");
        assert_eq!(config["os"], "linux");
        for (path, content) in files.iter().filter(|(path, _)| path.starts_with("blobs/")) {
            let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(path, &format!("blobs/sha256/{digest}"));
        }
    }

    #[test]
    fn the_same_images_give_the_same_bytes_and_share_their_blobs() {
        let images = || [image("a:1", "same"), image("b:1", "same")];
        let bytes = archive(&images()).unwrap();
        assert_eq!(bytes, archive(&images()).unwrap());
        let files = files(&bytes);
        assert_eq!(json_of(&files, "index.json")["manifests"].as_array().unwrap().len(), 2);
        assert_eq!(files.keys().filter(|path| path.starts_with("blobs/")).count(), 3);
    }
}
