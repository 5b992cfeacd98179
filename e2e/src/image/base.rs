//! The images that every node has: all made of Debian's static busybox.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::elf;
use super::layer::Layer;
use super::oci::Image;
use crate::command::Command;

/// The image of a pod's sandbox.
pub(crate) const PAUSE: &str = "windlass.dev/pause:1";
/// A shell and the usual tools.
const BUSYBOX: &str = "windlass.dev/busybox:1";
/// The example of AWS Batch's guide to array jobs: each child prints its colour of the rainbow.
const PRINT_COLOR: &str = "windlass.dev/print-color:1";

const PROGRAM: &str = "/bin/busybox";

/// What a sandbox does: it waits, collects processes that lost their parent (a pod may share its process
/// namespace), and ends when told to.
const PAUSE_SCRIPT: &str = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done";

const COLORS: &[u8] = include_bytes!("../../images/print-color/colors.txt");
const COLOR_SCRIPT: &[u8] = include_bytes!("../../images/print-color/print-color.sh");

/// All of them.
pub(crate) fn images() -> Result<Vec<Image>> {
    let program = fs::read(PROGRAM)
        .with_context(|| format!("cannot read {PROGRAM}: install Debian's package busybox-static"))?;
    elf::require_static(&program, "install Debian's package busybox-static")
        .with_context(|| format!("{PROGRAM} does not run in an empty image"))?;
    let applets = Command::line(PROGRAM).args(["--list"]).output()?;
    let base = || busybox(&program, &applets);
    let print_color =
        base().file("tmp/colors.txt", 0o644, COLORS).file("tmp/print-color.sh", 0o755, COLOR_SCRIPT);
    Ok(vec![
        image(PAUSE, base(), &json!(["/bin/sh", "-c", PAUSE_SCRIPT])),
        image(BUSYBOX, base(), &Value::Null),
        image(PRINT_COLOR, print_color, &json!(["/tmp/print-color.sh"])),
    ])
}

fn image(name: &str, layer: Layer, entrypoint: &Value) -> Image {
    let config = json!({"Entrypoint": entrypoint, "Env": ["PATH=/bin"], "WorkingDir": "/"});
    Image { name: name.to_owned(), layer, config }
}

fn busybox(program: &[u8], applets: &str) -> Layer {
    let layer = Layer::default()
        .file("bin/busybox", 0o755, program)
        .file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        )
        .file("etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\n")
        .folder("root", 0o700)
        .folder("tmp", 0o1777);
    let links = applets.lines().filter(|applet| *applet != "busybox");
    links.fold(layer, |layer, applet| layer.link(&format!("bin/{applet}"), "busybox"))
}
