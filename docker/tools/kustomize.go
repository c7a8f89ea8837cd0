package main

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kinds are those that are used here; any other is an error until it is added.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                     func() any { return &appsv1.Deployment{} },
	"autoscaling/v2 HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"batch/v1 CronJob":                       func() any { return &batchv1.CronJob{} },
	"batch/v1 Job":                           func() any { return &batchv1.Job{} },
	"networking.k8s.io/v1 Ingress":           func() any { return &networkingv1.Ingress{} },
	"networking.k8s.io/v1 NetworkPolicy":     func() any { return &networkingv1.NetworkPolicy{} },
	"policy/v1 PodDisruptionBudget":          func() any { return &policyv1.PodDisruptionBudget{} },
	"v1 ConfigMap":                           func() any { return &corev1.ConfigMap{} },
	"v1 Namespace":                           func() any { return &corev1.Namespace{} },
	"v1 Secret":                              func() any { return &corev1.Secret{} },
	"v1 Service":                             func() any { return &corev1.Service{} },
	"v1 ServiceAccount":                      func() any { return &corev1.ServiceAccount{} },
}

func readKustomization(folder string) (any, error) {
	options := krusty.MakeDefaultOptions()
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	var objects []any
	var problems []error
	for _, resource := range resources.Resources() {
		id := resource.CurId()
		name := fmt.Sprintf("%s %s", resource.GetApiVersion(), resource.GetKind())
		create, known := kinds[name]
		if !known {
			problems = append(problems, fmt.Errorf("%s: %q is no kind that is checked here", id, name))
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		object := create()
		if err := decodeStrictly(text, object); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", id, err))
			continue
		}
		objects = append(objects, object)
	}
	return objects, errors.Join(problems...)
}

// decodeStrictly is the API server's own decoder: names are case-sensitive, which encoding/json's aren't, and a field that
// the type hasn't, or that is given twice, is an error.
func decodeStrictly(text []byte, object any) error {
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(document, object)
	return errors.Join(append(strict, err)...)
}
