// Checks an Envoy configuration against Envoy's own message types and their rules, and that nothing in it is unknown.
// Usage: envoy-check CONFIG.
package main

import (
	"fmt"
	"os"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	extauthz "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	mutation "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtauthn "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	manager "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"
)

type checked interface{ ValidateAll() error }

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// checkAny checks what is packed in a message, of the kinds that are used here.
func checkAny(packed *anypb.Any) {
	message, err := packed.UnmarshalNew()
	fail(err)
	if rules, ok := message.(checked); ok {
		fail(rules.ValidateAll())
	}
	switch message.(type) {
	case *extauthz.ExtAuthz, *mutation.HeaderMutation, *jwtauthn.JwtAuthentication, *rbac.RBAC:
		fmt.Println(packed.TypeUrl)
	}
	if found, ok := message.(*manager.HttpConnectionManager); ok {
		for _, filter := range found.HttpFilters {
			checkAny(filter.GetTypedConfig())
		}
		for _, host := range found.GetRouteConfig().VirtualHosts {
			for _, route := range host.Routes {
				for _, config := range route.TypedPerFilterConfig {
					checkAny(config)
				}
			}
		}
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	fail(err)
	document, err := yaml.YAMLToJSONStrict(text)
	fail(err)
	config := &bootstrap.Bootstrap{}
	fail(protojson.Unmarshal(document, config))
	fail(config.ValidateAll())
	for _, listener := range config.StaticResources.Listeners {
		for _, chain := range listener.FilterChains {
			for _, filter := range chain.Filters {
				checkAny(filter.GetTypedConfig())
			}
		}
	}
}
