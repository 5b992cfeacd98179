//! The cluster's addresses and ports: one odd block, so that they collide with nothing a machine usually has.

/// All addresses below are in this block.
pub(crate) const BLOCK: &str = "10.219.0.0/16";

/// The machine itself on the cluster's network: here the API server and the cluster's DNS server listen.
pub(crate) const HOST: &str = "10.219.0.1";
/// The router, which gives the machine its way to the services.
pub(crate) const ROUTER: &str = "10.219.0.2";

/// All pods, the KWOK ones too.
pub(crate) const PODS: &str = "10.219.64.0/18";
/// Addresses that KWOK writes into its pods. Nothing answers there.
pub(crate) const KWOK_PODS: &str = "10.219.96.0/19";

/// All services.
pub(crate) const SERVICES: &str = "10.219.128.0/17";
/// `kubernetes.default`: by convention the first address of the services.
pub(crate) const API_SERVICE: &str = "10.219.128.1";
/// `kube-dns.kube-system`.
pub(crate) const DNS_SERVICE: &str = "10.219.128.10";

/// A host that runs real containers.
pub(crate) struct Node {
    /// Its Node object's name.
    pub(crate) name: &'static str,
    /// Its address on the cluster's network.
    pub(crate) address: &'static str,
    /// Addresses of its pods.
    pub(crate) pods: &'static str,
}

/// The real nodes.
pub(crate) const NODES: [Node; 2] = [
    Node { name: "node-1", address: "10.219.0.11", pods: "10.219.65.0/24" },
    Node { name: "node-2", address: "10.219.0.12", pods: "10.219.66.0/24" },
];

/// Ports on the machine. The components' usual ports are left to whatever else runs there.
pub(crate) mod port {
    /// kube-apiserver, on every address of the machine.
    pub(crate) const API: u16 = 20443;
    /// etcd for its client, on 127.0.0.1.
    pub(crate) const ETCD: u16 = 20379;
    /// etcd for its peers, of which there are none.
    pub(crate) const ETCD_PEER: u16 = 20380;
    /// kube-controller-manager, on 127.0.0.1.
    pub(crate) const CONTROLLER_MANAGER: u16 = 20257;
    /// kube-scheduler, on 127.0.0.1.
    pub(crate) const SCHEDULER: u16 = 20259;
    /// CoreDNS: its service has the usual port 53.
    pub(crate) const DNS: u16 = 20053;
    /// Karpenter's metrics.
    pub(crate) const KARPENTER_METRICS: u16 = 20800;
    /// Karpenter's health probes.
    pub(crate) const KARPENTER_HEALTH: u16 = 20801;
}
