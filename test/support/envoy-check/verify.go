package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	jwtauthn "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	manager "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	jwtFilter  = "envoy.filters.http.jwt_authn"
	rbacFilter = "envoy.filters.http.rbac"
)

// verify decides requests as Envoy's documentation describes its filters jwt_authn and rbac, so far as the examples use them: the keys are
// read from where the configuration states. Each line of standard input is JSON of a request, each that it prints a status.
func verify(config *manager.HttpConnectionManager) {
	authn, rules := &jwtauthn.JwtAuthentication{}, &rbac.RBAC{}
	for _, filter := range config.HttpFilters {
		switch filter.Name {
		case jwtFilter:
			unpack(filter.GetTypedConfig(), authn)
		case rbacFilter:
			unpack(filter.GetTypedConfig(), rules)
		}
	}
	requirement := authn.Rules[0]
	if requirement.Match.GetPrefix() != "/" {
		fail(fmt.Errorf("the requirement isn't for all paths"))
	}
	name := requirement.GetRequires().GetProviderName()
	provider := authn.Providers[name]
	keys, err := keyfunc.NewDefault([]string{provider.GetRemoteJwks().GetHttpUri().GetUri()})
	fail(err)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		request := struct{ Path, Authorization string }{}
		fail(json.Unmarshal(lines.Bytes(), &request))
		fmt.Println(statusOf(request.Path, request.Authorization, config.GetRouteConfig().VirtualHosts[0].Routes, provider, rules, keys))
	}
}

func unpack(packed *anypb.Any, message proto.Message) {
	fail(packed.UnmarshalTo(message))
}

func statusOf(path, authorization string, routes []*route.Route, provider *jwtauthn.JwtProvider, rules *rbac.RBAC, keys keyfunc.Keyfunc) int {
	path, _, _ = strings.Cut(path, "?")
	index := slices.IndexFunc(routes, func(each *route.Route) bool {
		prefix, segments := each.Match.GetPrefix(), each.Match.GetPathSeparatedPrefix()
		return prefix != "" && strings.HasPrefix(path, prefix) || segments != "" && (path == segments || strings.HasPrefix(path, segments+"/"))
	})
	if index < 0 {
		return 404
	}
	perRoute, policies := jwtauthn.PerRouteConfig{}, rules.Rules
	if packed := routes[index].TypedPerFilterConfig[jwtFilter]; packed != nil {
		unpack(packed, &perRoute)
	}
	if packed := routes[index].TypedPerFilterConfig[rbacFilter]; packed != nil {
		own := rbac.RBACPerRoute{}
		unpack(packed, &own)
		policies = own.GetRbac().GetRules()
	}
	claims := map[string]any{}
	if !perRoute.GetDisabled() {
		var valid bool
		if claims, valid = claimsOf(authorization, provider, keys); !valid {
			return 401
		}
	}
	if policies == nil || allows(policies, map[string]any{provider.PayloadInMetadata: claims}) {
		return 200
	}
	return 403
}

// claimsOf verifies a token. Neither `typ` nor a second audience counts.
func claimsOf(authorization string, provider *jwtauthn.JwtProvider, keys keyfunc.Keyfunc) (map[string]any, bool) {
	token, found := strings.CutPrefix(authorization, provider.FromHeaders[0].ValuePrefix)
	if !found {
		return nil, false
	}
	options := []jwt.ParserOption{
		jwt.WithIssuer(provider.Issuer),
		jwt.WithAudience(provider.Audiences...),
		jwt.WithLeeway(time.Duration(provider.ClockSkewSeconds) * time.Second),
	}
	if provider.RequireExpiration {
		options = append(options, jwt.WithExpirationRequired())
	}
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(token, claims, keys.Keyfunc, options...); err != nil {
		return nil, false
	}
	for _, name := range provider.GetNormalizePayloadInMetadata().GetSpaceDelimitedClaims() {
		if text, ok := claims[name].(string); ok {
			list := []any{}
			for _, each := range strings.Fields(text) {
				list = append(list, each)
			}
			claims[name] = list
		}
	}
	return claims, true
}

func allows(rules *core.RBAC, metadata map[string]any) bool {
	for _, policy := range rules.Policies {
		if slices.ContainsFunc(policy.Principals, func(each *core.Principal) bool { return matches(each, metadata) }) {
			return rules.Action == core.RBAC_ALLOW
		}
	}
	return rules.Action != core.RBAC_ALLOW
}

func matches(principal *core.Principal, metadata map[string]any) bool {
	if all := principal.GetAndIds(); all != nil {
		return !slices.ContainsFunc(all.Ids, func(each *core.Principal) bool { return !matches(each, metadata) })
	}
	rule := principal.GetMetadata()
	var value any = metadata
	for _, segment := range rule.Path {
		members, _ := value.(map[string]any)
		if claims, ok := value.(jwt.MapClaims); ok {
			members = claims
		}
		value = members[segment.GetKey()]
	}
	list, _ := value.([]any)
	return slices.Contains(list, any(rule.Value.GetListMatch().GetOneOf().GetStringMatch().GetExact()))
}
