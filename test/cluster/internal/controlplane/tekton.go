package controlplane

import (
	"context"
	"fmt"
	"net"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
)

const webhookService = "tekton-pipelines-webhook"

// installTekton creates Tekton's kinds, RBAC and settings as its own
// installation does, without the Deployments.
//
// The API server reaches the webhook, which is a process and has no Service
// address, through a Service of type ExternalName: for such a one it dials the
// external name at the port that the webhook configuration names. knative fills
// the CA and the paths in and keeps the port.
func (c *ControlPlane) installTekton(ctx context.Context) error {
	objects, err := apply.Files(c.Cache.Manifests("tekton"), "200-*.yaml", "201-*.yaml", "300-crds/*.yaml", "500-webhooks.yaml", "config-*.yaml", "clusterrole-*.yaml")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := setWebhookPort(o, int64(c.ports.webhook)); err != nil {
			return err
		}
		if err := confineInitContainers(o); err != nil {
			return err
		}
	}
	service, err := apply.Parse(fmt.Appendf(nil, `
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: %s}
spec: {type: ExternalName, externalName: localhost}
`, webhookService, tektonNamespace))
	if err != nil {
		return err
	}
	return c.create(ctx, tektonNamespace, append(objects, service...))
}

// setWebhookPort points every reference to the webhook's Service at a port.
func setWebhookPort(o *apply.Object, port int64) error {
	switch o.GetKind() {
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
		webhooks, _, err := unstructured.NestedSlice(o.Object, "webhooks")
		if err != nil {
			return err
		}
		for _, w := range webhooks {
			if err := unstructured.SetNestedField(w.(map[string]any), port, "clientConfig", "service", "port"); err != nil {
				return err
			}
		}
		return unstructured.SetNestedSlice(o.Object, webhooks, "webhooks")
	case "CustomResourceDefinition":
		path := []string{"spec", "conversion", "webhook", "clientConfig", "service"}
		if _, found, err := unstructured.NestedMap(o.Object, path...); err != nil || !found {
			return err
		}
		return unstructured.SetNestedField(o.Object, port, append(path, "port")...)
	}
	return nil
}

// confineInitContainers gives what Tekton adds to a TaskRun's pod a security
// context, as Tekton's documentation advises: without it, no TaskRun works in a
// namespace with pod security "restricted".
func confineInitContainers(o *apply.Object) error {
	if o.GetKind() != "ConfigMap" || o.GetName() != "feature-flags" {
		return nil
	}
	return unstructured.SetNestedField(o.Object, "true", "data", "set-security-context")
}

func (c *ControlPlane) startTekton(ctx context.Context) error {
	defer holdFixedPort()()
	webhook, err := c.run("tekton-webhook", "tekton-webhook", c.knativeEnv(
		c.ports.webhookProbes, c.ports.webhookMetrics, c.ports.webhookProfiling,
		"CONFIG_LEADERELECTION_NAME=config-leader-election-webhook",
		"WEBHOOK_PORT="+strconv.Itoa(c.ports.webhook),
		"WEBHOOK_SERVICE_NAME="+webhookService,
		"WEBHOOK_SECRET_NAME=webhook-certs",
		"WEBHOOK_ADMISSION_CONTROLLER_NAME=webhook.pipeline.tekton.dev",
	), nil)
	if err != nil {
		return err
	}
	// The images are never pulled; they only have to be named.
	const images = "registry.invalid/tekton/"
	controller, err := c.run("tekton-controller", "tekton-controller", c.knativeEnv(
		c.ports.tektonProbes, c.ports.tektonMetrics, c.ports.tektonProfiling,
		"CONFIG_LEADERELECTION_NAME=config-leader-election-controller",
	), []string{
		"-disable-ha", "-kube-api-qps=200", "-kube-api-burst=400",
		"-entrypoint-image=" + images + "entrypoint", "-nop-image=" + images + "nop",
		"-sidecarlogresults-image=" + images + "sidecarlogresults", "-workingdirinit-image=" + images + "workingdirinit",
		"-shell-image=" + images + "shell", "-shell-image-win=" + images + "shell-win",
	})
	if err != nil {
		return err
	}
	if err := webhook.WaitReady(ctx, readyTimeout, c.webhookConfigured); err != nil {
		return err
	}
	return c.tryTekton(ctx, controller)
}

// holdFixedPort keeps Tekton's programs from a port that is not theirs to take.
// Besides the probes at PROBES_PORT, knative serves probes at the fixed port
// 8080 once a program works; a program that cannot have that port works on
// without them, and does not try again. So the port is held until both have tried,
// and is then free for whom it belongs to. If it is taken, all the better.
func holdFixedPort() (release func()) {
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		return func() {}
	}
	return func() { _ = listener.Close() }
}

func (c *ControlPlane) knativeEnv(probes, metrics, profiling int, extra ...string) []string {
	return append(c.env(
		"SYSTEM_NAMESPACE="+tektonNamespace,
		"KUBERNETES_MIN_VERSION=v1.28.0",
		"CONFIG_DEFAULTS_NAME=config-defaults",
		"CONFIG_LOGGING_NAME=config-logging",
		"CONFIG_OBSERVABILITY_NAME=config-observability",
		"CONFIG_FEATURE_FLAGS_NAME=feature-flags",
		"METRICS_DOMAIN=tekton.dev/pipeline",
		"PROBES_PORT="+strconv.Itoa(probes),
		"METRICS_PROMETHEUS_HOST="+loopback,
		"METRICS_PROMETHEUS_PORT="+strconv.Itoa(metrics),
		"PROFILING_PORT="+strconv.Itoa(profiling),
	), extra...)
}

// webhookConfigured tells whether admission and conversion go through the
// webhook and are answered.
func (c *ControlPlane) webhookConfigured(ctx context.Context) error {
	for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"} {
		resource := apply.Resource(schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: kind})
		list, err := c.dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, o := range list.Items {
			webhooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
			for _, w := range webhooks {
				rules, _, _ := unstructured.NestedSlice(w.(map[string]any), "rules")
				if len(rules) == 0 {
					return fmt.Errorf("%s %s has no rules yet", kind, o.GetName())
				}
			}
		}
	}
	if err := c.webhookAnswers(ctx); err != nil {
		return err
	}
	// Last: this reads megabytes, and is seldom not yet so.
	definitions := apply.Resource(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	crds, err := c.dynamic.Resource(definitions).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, o := range crds.Items {
		clientConfig, found, _ := unstructured.NestedMap(o.Object, "spec", "conversion", "webhook", "clientConfig")
		if found && clientConfig["caBundle"] == nil {
			return fmt.Errorf("CustomResourceDefinition %s has no CA for its conversion yet", o.GetName())
		}
	}
	return nil
}
