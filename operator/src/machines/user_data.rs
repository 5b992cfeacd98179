//! User data of a launch template: a MIME multi-part archive. Karpenter takes its parts into the archive that joins the node to
//! the cluster, before its own (`amifamily/bootstrap`: `nodeadm.go` for AL2023, `eksbootstrap.go` for AL2).

use super::LaunchSettingsError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;

/// The archive as text. AWS's tools want it in base64; here it may be given as it is, too.
///
/// # Errors
/// When it is no MIME multi-part archive, as AWS Batch demands: user data of other forms would not be merged.
pub(super) fn multi_part(given: &str) -> Result<String, LaunchSettingsError> {
    let text = if is_mime(given) { given.to_owned() } else { decoded(given)? };
    // Karpenter's reader takes a blank line for the end of the header.
    let text = text.trim_start().to_owned();
    let wrong = |what: &'static str| LaunchSettingsError::UserData(what);
    let header = text.split("\n\n").next().unwrap_or_default();
    let header = header.split("\r\n\r\n").next().unwrap_or_default();
    let boundary = boundary(header)
        .ok_or_else(|| wrong("its header has no Content-Type multipart/… with a boundary"))?;
    let body = text.get(header.len()..).unwrap_or_default();
    let is_line = |wanted: &str| body.lines().any(|line| line.trim_end() == wanted);
    if !is_line(&format!("--{boundary}")) {
        return Err(wrong("no part begins with its boundary"));
    }
    if !is_line(&format!("--{boundary}--")) {
        return Err(wrong("its closing boundary is missing"));
    }
    Ok(text)
}

/// True for what Karpenter takes for an archive.
fn is_mime(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("MIME-Version:") || text.starts_with("Content-Type:")
}

fn decoded(given: &str) -> Result<String, LaunchSettingsError> {
    let wrong = || LaunchSettingsError::UserData("it is neither that nor the base64 of it");
    let digits: String = given.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(digits).map_err(|_| wrong())?;
    String::from_utf8(bytes).ok().filter(|text| is_mime(text)).ok_or_else(wrong)
}

/// The boundary that a header declares, if it is that of a multi-part archive.
fn boundary(header: &str) -> Option<String> {
    // A header's line goes on where the next one is indented.
    let unfolded = header.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let line = unfolded.lines().find(|line| line.to_ascii_lowercase().starts_with("content-type:"))?;
    let (_, value) = line.split_once(':')?;
    let mut parameters = value.split(';').map(str::trim);
    parameters.next().filter(|kind| kind.to_ascii_lowercase().starts_with("multipart/"))?;
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, boundary) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let boundary = line.get(line.find(boundary)?..)?.trim().trim_start_matches('"');
    let boundary = boundary.split(['"', ';']).next()?.trim();
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS Batch's guide, shortened.
    const ARCHIVE: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==MYBOUNDARY==\"\n\n\
        --==MYBOUNDARY==\nContent-Type: text/x-shellscript; charset=\"us-ascii\"\n\n#!/bin/bash\necho hello\n\n\
        --==MYBOUNDARY==--\n";

    /// `ARCHIVE`, as the tool base64 writes it.
    const ENCODED: &str = "TUlNRS1WZXJzaW9uOiAxLjAKQ29udGVudC1UeXBlOiBtdWx0aXBhcnQvbWl4ZWQ7IGJvdW5kYXJ5\n\
        PSI9PU1ZQk9VTkRBUlk9PSIKCi0tPT1NWUJPVU5EQVJZPT0KQ29udGVudC1UeXBlOiB0ZXh0L3gt\n\
        c2hlbGxzY3JpcHQ7IGNoYXJzZXQ9InVzLWFzY2lpIgoKIyEvYmluL2Jhc2gKZWNobyBoZWxsbwoK\n\
        LS09PU1ZQk9VTkRBUlk9PS0tCg==\n";

    #[test]
    fn an_archive_is_taken_as_it_is_and_in_base64() {
        assert_eq!(multi_part(ARCHIVE).unwrap(), ARCHIVE);
        assert_eq!(multi_part(ENCODED).unwrap(), ARCHIVE);
        assert_eq!(multi_part(&format!("\n  {ARCHIVE}")).unwrap(), ARCHIVE);
        let folded = ARCHIVE.replace("; boundary", ";\r\n boundary").replace("\n\n", "\r\n\r\n");
        assert_eq!(multi_part(&folded).unwrap(), folded);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let told = |given: &str| multi_part(given).unwrap_err().to_string();
        assert!(told("#!/bin/sh\necho").contains("neither that nor the base64 of it"));
        assert!(told("IyEvYmluL3No").contains("neither that nor the base64 of it"));
        assert!(
            told("MIME-Version: 1.0\nContent-Type: text/plain\n\nx").contains("no Content-Type multipart")
        );
        assert!(told(&ARCHIVE.replace("--==MYBOUNDARY==--", "")).contains("closing boundary is missing"));
        assert!(told(&ARCHIVE.replace("\n\n--==MY", "\n\n--==YOUR")).contains("no part begins"));
    }
}
