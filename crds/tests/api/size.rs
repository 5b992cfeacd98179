//! Each definition fits the annotation that client-side `kubectl apply` keeps it in (256 KiB), with room to
//! grow.

use windlass_crds::{Kind, manifests};

const MAXIMUM: usize = 200_000;

#[test]
fn definitions_fit_client_side_apply() {
    for kind in Kind::ALL {
        let size = serde_json::to_vec(&manifests::definition(kind).unwrap()).unwrap().len();
        assert!(size < MAXIMUM, "{kind} takes {size} bytes as JSON");
    }
}
