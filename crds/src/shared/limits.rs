//! Bounds that follow from one: no text or list in a submission can be longer than the submission.

/// The most bytes AWS takes in one submission. A definition takes fewer.
pub const PAYLOAD_BYTES: u32 = 30_720;

/// The most arguments of a command: `"",` takes 4 bytes.
pub(crate) const ARGUMENTS: u32 = PAYLOAD_BYTES / 4;

/// The most environment variables: `{"name":"A","value":""}` takes 23 bytes.
pub(crate) const VARIABLES: u32 = PAYLOAD_BYTES / 23;

/// The most tags of an object, and of a job and its definition together: AWS's.
pub const TAGS: usize = 50;

/// The most parameters: `"a":"",` takes 7 bytes.
pub(crate) const PARAMETERS: u32 = PAYLOAD_BYTES / 7;
