package request

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// Bounds of lists, as in the CRD's schema.
const (
	maxOptions = 16
	maxLabels  = 16
)

func (c checks) argocd(spec *v1alpha1.ArgoCD) *ArgoCD {
	if spec == nil {
		return nil
	}
	a := &ArgoCD{
		Server:    c.server("argocd.server", string(spec.Server)),
		Web:       c.choice("argocd.transport", string(spec.Transport), transportGRPC, transportWeb),
		Plaintext: c.boolean("argocd.plaintext", string(spec.Plaintext)),
		Insecure:  c.boolean("argocd.insecure", string(spec.Insecure)),
		Secret:    c.secretRef("argocd.secretRef", spec.SecretRef),
		Sync:      c.sync(spec.Sync),
	}
	if a.Plaintext && a.Insecure {
		c.add("argocd.insecure", "excludes plaintext: without TLS there is no certificate to skip")
	}
	if len(spec.Applications) == 0 && spec.Selector == nil {
		return nil
	}
	a.Applications = c.applications(spec.Applications)
	a.Selector = c.selector(spec.Selector)
	if a.Selector != nil && len(a.Applications) > 0 {
		c.add("argocd.selector", "excludes applications: choose them by name or by labels")
	}
	if a.Secret == "" {
		c.add("argocd.secretRef.name", "missing: name a Secret with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD")
	}
	return a
}

func (c checks) applications(apps []v1alpha1.Application) []Application {
	if len(apps) > MaxApplications {
		c.add("argocd.applications", "has %d items: at most %d", len(apps), MaxApplications)
		return nil
	}
	var all []Application
	for i, app := range apps {
		field := fmt.Sprintf("argocd.applications[%d]", i)
		c.required(field+".name", string(app.Name))
		one := Application{
			Name:      c.object(field+".name", string(app.Name)),
			Namespace: c.label(field+".namespace", string(app.Namespace)),
			Project:   c.object(field+".project", string(app.Project)),
		}
		if slices.ContainsFunc(all, func(a Application) bool { return a.Name == one.Name && a.Namespace == one.Namespace }) {
			c.add(field+".name", "%q is there twice", clip(one.Name))
		}
		all = append(all, one)
	}
	return all
}

func (c checks) selector(spec *v1alpha1.Selector) *Selector {
	if spec == nil {
		return nil
	}
	if len(spec.MatchLabels) == 0 {
		c.add("argocd.selector.matchLabels", "missing: give at least one label")
	}
	if len(spec.MatchLabels) > maxLabels {
		c.add("argocd.selector.matchLabels", "has %d labels: at most %d", len(spec.MatchLabels), maxLabels)
		return nil
	}
	s := &Selector{
		MatchLabels: map[string]string{},
		Namespace:   c.label("argocd.selector.namespace", string(spec.Namespace)),
		Project:     c.object("argocd.selector.project", string(spec.Project)),
	}
	for _, key := range slices.Sorted(maps.Keys(spec.MatchLabels)) {
		s.MatchLabels[key] = c.labelPair("argocd.selector.matchLabels", key, string(spec.MatchLabels[key]))
	}
	return s
}

func (c checks) sync(spec *v1alpha1.Sync) Sync {
	if spec == nil {
		spec = &v1alpha1.Sync{}
	}
	s := Sync{
		Prune:            c.boolean("argocd.sync.prune", string(spec.Prune)),
		PinRevision:      c.boolean("argocd.sync.pinRevision", string(spec.PinRevision)),
		WaitForWindow:    c.choice("argocd.sync.window", string(spec.Window), windowFail, windowWait),
		TerminateForeign: c.choice("argocd.sync.onForeignOperation", string(spec.OnForeignOperation), foreignWait, foreignTerminate),
		Timeout:          c.duration("argocd.sync.timeout", string(spec.Timeout), defaultSyncTimeout, leastTimeout),
	}
	if len(spec.Options) > maxOptions {
		c.add("argocd.sync.options", "has %d items: at most %d", len(spec.Options), maxOptions)
		return s
	}
	for i, option := range spec.Options {
		s.Options = append(s.Options, c.syncOption(fmt.Sprintf("argocd.sync.options[%d]", i), string(option)))
	}
	return s
}
