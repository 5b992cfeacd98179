//! The Windlass operator around its core: what the API has becomes what the core knows (`convert`), what the core says becomes
//! what the API has (`render`, `pod`), and `shell` moves both.

pub mod convert;
pub mod machines;
pub mod names;
pub mod pod;
pub mod render;
pub mod shell;
