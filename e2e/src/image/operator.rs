//! The operator's image.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::elf;
use super::layer::Layer;
use super::oci::Image;
use crate::progress::say;

/// Its name when no other is given.
pub(crate) const NAME: &str = concat!("windlass.dev/windlass:", env!("CARGO_PKG_VERSION"));

/// Where Debian's package ca-certificates puts them, and where programs look for them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A user without a name: the image has no `/etc/passwd`, and Kubernetes can tell from the number that it is
/// not root.
const USER: &str = "65532:65532";

/// The image of the operator in `binary`.
pub(crate) fn image(binary: &Path, name: &str) -> Result<Image> {
    let program = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let advice = "build it with -C target-feature=+crt-static and an explicit --target, as `make image` does";
    elf::require_static(&program, advice)
        .with_context(|| format!("{} does not run in an empty image", binary.display()))?;
    let certificates = fs::read(CERTIFICATES)
        .with_context(|| format!("cannot read {CERTIFICATES}: install Debian's package ca-certificates"))?;
    say(format!(
        "{}: {:.1} MB, and {:.1} MB of certificates",
        binary.display(),
        program.len() as f64 / 1e6,
        certificates.len() as f64 / 1e6
    ));
    let layer = Layer::default().file("windlass", 0o755, program).file(
        CERTIFICATES.trim_start_matches('/'),
        0o644,
        certificates,
    );
    let config = json!({
        "Entrypoint": ["/windlass"],
        "User": USER,
        "WorkingDir": "/",
        "Env": ["PATH=/", format!("SSL_CERT_FILE={CERTIFICATES}")],
    });
    Ok(Image { name: name.to_owned(), layer, config })
}
