// Checks Kubernetes resources as an API server does that has the custom resource definitions of their kinds: unknown fields, schema,
// defaults, and the rules in CEL. Usage: mesh-check RESOURCES DEFINITIONS... It prints the kind and name of each resource.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	strict "sigs.k8s.io/yaml"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// documentsOf reads the documents of a YAML file, in which no key may stand twice.
func documentsOf(path string) [][]byte {
	text, err := os.ReadFile(path)
	fail(err)
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var documents [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents
		}
		fail(err)
		document, err = strict.YAMLToJSONStrict(document)
		fail(err)
		if !bytes.Equal(document, []byte("null")) {
			documents = append(documents, document)
		}
	}
}

// schemasOf reads custom resource definitions. The schemas have names like "security.istio.io/v1 RequestAuthentication".
func schemasOf(paths []string) map[string]*apiextensions.JSONSchemaProps {
	schemas := map[string]*apiextensions.JSONSchemaProps{}
	for _, path := range paths {
		for _, document := range documentsOf(path) {
			definition := v1.CustomResourceDefinition{}
			fail(strict.Unmarshal(document, &definition))
			for _, version := range definition.Spec.Versions {
				schema := &apiextensions.JSONSchemaProps{}
				fail(v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, schema, nil))
				schemas[definition.Spec.Group+"/"+version.Name+" "+definition.Spec.Names.Kind] = schema
			}
		}
	}
	return schemas
}

func check(resource *unstructured.Unstructured, schema *apiextensions.JSONSchemaProps) error {
	shape, err := structural.NewStructural(schema)
	if err != nil {
		return err
	}
	unknown := pruning.PruneWithOptions(resource.Object, shape, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	if len(unknown) > 0 {
		return fmt.Errorf("unknown fields: %v", unknown)
	}
	defaulting.Default(resource.Object, shape)
	validator, _, err := validation.NewSchemaValidator(schema)
	if err != nil {
		return err
	}
	problems := validation.ValidateCustomResource(nil, resource.Object, validator)
	rules := cel.NewValidator(shape, true, celconfig.PerCallLimit)
	found, _ := rules.Validate(context.Background(), nil, shape, resource.Object, nil, celconfig.RuntimeCELCostBudget)
	return append(problems, found...).ToAggregate()
}

func main() {
	schemas := schemasOf(os.Args[2:])
	for _, document := range documentsOf(os.Args[1]) {
		resource := &unstructured.Unstructured{}
		fail(resource.UnmarshalJSON(document))
		name := resource.GetAPIVersion() + " " + resource.GetKind()
		schema, known := schemas[name]
		if !known {
			fail(fmt.Errorf("there is no definition of %s", name))
		}
		if err := check(resource, schema); err != nil {
			fail(fmt.Errorf("%s %s: %w", resource.GetKind(), resource.GetName(), err))
		}
		fmt.Println(resource.GetKind(), resource.GetName())
	}
}
