// The Cluster API whose resource definitions the tests install; nothing of it is built.
module windlass.dev/e2e/cluster-api

go 1.26.6

require sigs.k8s.io/cluster-api v1.14.0
