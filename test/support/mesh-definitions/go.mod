module vestibule.local/mesh-definitions

go 1.26.7

// Only the custom resource definitions among their files are read.
require (
	github.com/envoyproxy/gateway v1.9.1
	istio.io/api v1.32.0
	sigs.k8s.io/gateway-api v1.6.1
)
