//! The components that are not a node's: the control plane, cluster DNS, the proxy in the router, and KWOK.

use std::path::Path;

use super::addresses::{self, port};
use super::component::{Component, Work};
use super::namespaces::ROUTER;
use super::paths::State;
use super::pki::{API_SERVER, AUTHORITY, KUBELET_CLIENT, SERVICE_ACCOUNTS};
use super::record::Record;
use super::{karpenter, kwok};

/// The machine that components are on which are no node's: this one, in the cluster's control group.
const CONTROL_PLANE: &str = "control-plane";

/// After this long without a lease a node is not ready, and its pods get their unreachable taint. Less than
/// the usual 50 s, so that tests need not wait for it; more than three of the kubelet's 10 s between two
/// leases.
const NODE_GRACE: &str = "--node-monitor-grace-period=40s";

/// The store. It need not survive a loss of power, so it does not wait for the disk.
pub(crate) fn etcd(state: &State, record: &Record) -> Component {
    let client = format!("http://127.0.0.1:{}", port::ETCD);
    let peer = format!("http://127.0.0.1:{}", port::ETCD_PEER);
    let arguments = vec![
        format!("--data-dir={}", state.etcd().display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".into(),
        "--auto-compaction-mode=periodic".into(),
        "--auto-compaction-retention=5m".into(),
        format!("--quota-backend-bytes={}", 8_u64 << 30),
        "--log-level=warn".into(),
    ];
    component(record, "etcd", arguments)
}

/// The API server, with every request in its audit log.
pub(crate) fn api_server(state: &State, record: &Record) -> Component {
    let file = |flag: &str, path: &Path| format!("--{flag}={}", path.display());
    let arguments = vec![
        format!("--advertise-address={}", addresses::HOST),
        format!("--secure-port={}", port::API),
        format!("--etcd-servers=http://127.0.0.1:{}", port::ETCD),
        format!("--service-cluster-ip-range={}", addresses::SERVICES),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged=true".into(),
        file("client-ca-file", &state.certificate(AUTHORITY)),
        file("tls-cert-file", &state.certificate(API_SERVER)),
        file("tls-private-key-file", &state.key(API_SERVER)),
        file("kubelet-certificate-authority", &state.certificate(AUTHORITY)),
        file("kubelet-client-certificate", &state.certificate(KUBELET_CLIENT)),
        file("kubelet-client-key", &state.key(KUBELET_CLIENT)),
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        file("service-account-key-file", &state.public_key(SERVICE_ACCOUNTS)),
        file("service-account-signing-key-file", &state.key(SERVICE_ACCOUNTS)),
        file("audit-policy-file", &state.config("audit-policy.yaml")),
        file("audit-log-path", &state.audit_log()),
        // In MB: tests count requests in it, so it is kept whole, but it must not fill the disk.
        "--audit-log-maxsize=2000".into(),
        "--audit-log-maxbackup=2".into(),
    ];
    component(record, "kube-apiserver", arguments)
}

/// What needs a ready API server to start.
pub(crate) fn after_api_server(state: &State, record: &Record) -> Vec<Component> {
    let mut components = vec![controller_manager(state, record), scheduler(state, record)];
    let corefile = state.config("Corefile").display().to_string();
    components.push(component(record, "coredns", vec!["-conf".into(), corefile]));
    components.push(kwok::component(state, record));
    components.extend(record.karpenter.then(|| karpenter::component(state, record)));
    components
}

fn controller_manager(state: &State, record: &Record) -> Component {
    let kubeconfig = state.kubeconfig("kube-controller-manager").display().to_string();
    let arguments = vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={}", port::CONTROLLER_MANAGER),
        "--leader-elect=false".into(),
        "--use-service-account-credentials=true".into(),
        format!("--root-ca-file={}", state.certificate(AUTHORITY).display()),
        format!("--service-account-private-key-file={}", state.key(SERVICE_ACCOUNTS).display()),
        // Tests can have certificates for users of their own signed.
        format!("--cluster-signing-cert-file={}", state.certificate(AUTHORITY).display()),
        format!("--cluster-signing-key-file={}", state.key(AUTHORITY).display()),
        NODE_GRACE.into(),
        "--kube-api-qps=500".into(),
        "--kube-api-burst=1000".into(),
    ];
    component(record, "kube-controller-manager", arguments)
}

fn scheduler(state: &State, record: &Record) -> Component {
    let kubeconfig = state.kubeconfig("kube-scheduler").display().to_string();
    let arguments = vec![
        format!("--config={}", state.config("kube-scheduler.yaml").display()),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={}", port::SCHEDULER),
    ];
    component(record, "kube-scheduler", arguments)
}

/// The proxy that gives this machine its way to services: in the router, so that this machine's firewall
/// stays as it is, and no dead node takes the way with it.
pub(crate) fn router_proxy(state: &State, record: &Record) -> Component {
    let config = state.config("router/kube-proxy.yaml").display().to_string();
    let program = record.programs.join("kube-proxy").display().to_string();
    let work = Work::Inside(vec![program, format!("--config={config}")]);
    Component { name: format!("{ROUTER}/kube-proxy"), machine: ROUTER.to_owned(), work }
}

/// A component on this machine itself: one of the cluster's programs.
pub(crate) fn component(record: &Record, program: &str, arguments: Vec<String>) -> Component {
    with_environment(record, program, arguments, Vec::new())
}

/// The same, with something in its environment.
pub(crate) fn with_environment(
    record: &Record,
    program: &str,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
) -> Component {
    let mut command = vec![record.programs.join(program).display().to_string()];
    command.extend(arguments);
    let work = Work::Program { command, environment };
    Component { name: program.to_owned(), machine: CONTROL_PLANE.to_owned(), work }
}
