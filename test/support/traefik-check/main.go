// Checks the example for Traefik against Traefik's own configuration types: an unknown field, or a value of another type, is an error.
package main

import (
	"fmt"
	"os"
	"sort"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"gopkg.in/yaml.v3"
)

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var configuration dynamic.Configuration
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	if err := decoder.Decode(&configuration); err != nil {
		return err
	}
	if configuration.HTTP == nil {
		return fmt.Errorf("%s has no http part", path)
	}
	var names []string
	for name, router := range configuration.HTTP.Routers {
		for _, middleware := range router.Middlewares {
			if configuration.HTTP.Middlewares[middleware] == nil {
				return fmt.Errorf("router %s: there is no middleware %s", name, middleware)
			}
		}
		if configuration.HTTP.Services[router.Service] == nil {
			return fmt.Errorf("router %s: there is no service %s", name, router.Service)
		}
		names = append(names, "router "+name)
	}
	for name, middleware := range configuration.HTTP.Middlewares {
		if middleware.ForwardAuth != nil {
			names = append(names, "forwardAuth "+name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(name)
	}
	return nil
}
