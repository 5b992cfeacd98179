//! The cluster's certificates and kubeconfigs: one authority, and one identity for each component, so that
//! RBAC binds each and the audit log tells them apart. They do not expire; they are for one machine and one
//! cluster's life.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

use super::addresses::{API_SERVICE, HOST, NODES, port};
use super::paths::{self, State};

/// Name of the authority's certificate.
pub(crate) const AUTHORITY: &str = "authority";
/// Name of the API server's certificate.
pub(crate) const API_SERVER: &str = "kube-apiserver";
/// Name of the API server's certificate towards kubelets, and of its user there.
pub(crate) const KUBELET_CLIENT: &str = "kube-apiserver-kubelet-client";
/// Name of the key that signs service-account tokens.
pub(crate) const SERVICE_ACCOUNTS: &str = "service-accounts";

/// Members may do everything, whatever RBAC says.
const ADMINISTRATORS: &str = "system:masters";

/// Who shows a certificate, and to whom.
struct Identity {
    /// The name of its files.
    file: String,
    /// The user's name for the API server.
    user: String,
    /// The user's group.
    group: Option<&'static str>,
    /// Names and addresses at which it is a server.
    serves: Vec<String>,
}

fn identities() -> Vec<Identity> {
    let client = |file: &str, user: &str, group| Identity {
        file: file.to_owned(),
        user: user.to_owned(),
        group,
        serves: Vec::new(),
    };
    let api_names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
    let api_names = api_names.into_iter().chain(["kubernetes.default.svc.cluster.local"]);
    let api_addresses = ["127.0.0.1", HOST, API_SERVICE];
    let mut all = vec![
        client("admin", "admin", Some(ADMINISTRATORS)),
        client("kube-controller-manager", "system:kube-controller-manager", None),
        client("kube-scheduler", "system:kube-scheduler", None),
        client("kube-proxy", "system:kube-proxy", None),
        client("coredns", "system:coredns", None),
        client("kwok", "kwok", Some(ADMINISTRATORS)),
        client("karpenter", "karpenter", Some(ADMINISTRATORS)),
        client(KUBELET_CLIENT, KUBELET_CLIENT, None),
        Identity {
            serves: api_names.chain(api_addresses).map(str::to_owned).collect(),
            ..client(API_SERVER, API_SERVER, None)
        },
    ];
    all.extend(NODES.iter().map(|node| Identity {
        serves: vec![node.name.to_owned(), node.address.to_owned()],
        ..client(&kubelet(node.name), &format!("system:node:{}", node.name), Some("system:nodes"))
    }));
    all
}

/// Name of a kubelet's certificate and kubeconfig.
pub(crate) fn kubelet(node: &str) -> String {
    format!("kubelet-{node}")
}

/// Makes all certificates, keys and kubeconfigs, unless they are there.
pub(crate) fn create(state: &State) -> Result<()> {
    if state.pki().exists() {
        return Ok(());
    }
    // Made aside and renamed, so that a program killed here leaves no half of them.
    let aside = state.aside("new-pki");
    paths::remove(&aside.pki())?;
    create_in(state, &aside).context("cannot make the cluster's certificates")?;
    fs::rename(aside.pki(), state.pki()).context("cannot put the cluster's certificates in place")?;
    paths::remove(aside.root())
}

fn create_in(state: &State, aside: &State) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut parameters = named("windlass-e2e", None, Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let certificate = parameters.self_signed(&key)?;
    write_pair(aside, AUTHORITY, &certificate.pem(), &key)?;
    let authority = Issuer::new(parameters, key);
    for identity in identities() {
        let serves = !identity.serves.is_empty();
        let key = KeyPair::generate()?;
        let mut parameters = named(&identity.user, identity.group, identity.serves)?;
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        parameters.extended_key_usages.extend(serves.then_some(ExtendedKeyUsagePurpose::ServerAuth));
        let certificate = parameters.signed_by(&key, &authority)?;
        write_pair(aside, &identity.file, &certificate.pem(), &key)?;
        write_private(&aside.kubeconfig(&identity.file), &kubeconfig(state, &identity.file)?)?;
    }
    let key = KeyPair::generate()?;
    paths::write(&aside.public_key(SERVICE_ACCOUNTS), key.public_key_pem())?;
    write_private(&aside.key(SERVICE_ACCOUNTS), &key.serialize_pem())
}

fn named(user: &str, group: Option<&str>, serves: Vec<String>) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(serves)?;
    parameters.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(parameters)
}

/// A kubeconfig for `identity`, as JSON, of which YAML is a superset.
fn kubeconfig(state: &State, identity: &str) -> Result<String> {
    // Components on the machine and nodes both reach the API server here.
    let server = format!("https://{HOST}:{}", port::API);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "windlass-e2e",
            "cluster": {"server": server, "certificate-authority": state.certificate(AUTHORITY)},
        }],
        "users": [{
            "name": identity,
            "user": {"client-certificate": state.certificate(identity), "client-key": state.key(identity)},
        }],
        "contexts": [{"name": identity, "context": {"cluster": "windlass-e2e", "user": identity}}],
        "current-context": identity,
    });
    Ok(serde_json::to_string_pretty(&config)?)
}

fn write_pair(state: &State, name: &str, certificate: &str, key: &KeyPair) -> Result<()> {
    paths::write(&state.certificate(name), certificate)?;
    write_private(&state.key(name), &key.serialize_pem())
}

fn write_private(path: &std::path::Path, content: &str) -> Result<()> {
    paths::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_identity_has_a_key_of_its_own_and_a_kubeconfig_that_names_existing_files() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        create(&state).unwrap();
        let mut keys = std::collections::BTreeSet::new();
        for identity in identities() {
            keys.insert(fs::read_to_string(state.key(&identity.file)).unwrap());
            let text = fs::read_to_string(state.kubeconfig(&identity.file)).unwrap();
            let config: Value = serde_json::from_str(&text).unwrap();
            let user = &config["users"][0]["user"];
            for path in [&user["client-certificate"], &user["client-key"]] {
                assert!(std::path::Path::new(path.as_str().unwrap()).is_file(), "{path}");
            }
        }
        assert_eq!(keys.len(), identities().len());
        let mode = fs::metadata(state.key("admin")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn certificates_are_made_once_and_a_half_made_set_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        paths::write(&folder.path().join("new-pki/pki/half.key"), "x").unwrap();
        create(&state).unwrap();
        let first = fs::read_to_string(state.certificate("admin")).unwrap();
        create(&state).unwrap();
        assert_eq!(fs::read_to_string(state.certificate("admin")).unwrap(), first);
        assert!(!state.key("half").exists());
        assert!(!folder.path().join("new-pki").exists());
    }
}
