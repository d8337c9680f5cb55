package setup

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Labels and annotations that say who keeps an object.
const (
	labelManagedBy     = "app.kubernetes.io/managed-by"
	labelInstance      = "argocd.argoproj.io/instance"
	annotationTracking = "argocd.argoproj.io/tracking-id"
	managedByHelm      = "Helm"
)

// managers are other tools that set the label. They may take a change back too, but later, and they have no resource ArgoCD.
func managers() []string { return []string{managedByHelm, "kustomize", "terraform", "pulumi", "flux"} }

// operator tells which resource an operator makes Argo CD's settings from; empty: none does. The Argo CD operator, which
// OpenShift GitOps has too, owns the ConfigMap through its resource ArgoCD, and labels it with that one's name.
func operator(settings *corev1.ConfigMap) string {
	for _, owner := range settings.OwnerReferences {
		if owner.Kind == "ArgoCD" {
			return "ArgoCD " + owner.Name
		}
	}
	by := settings.Labels[labelManagedBy]
	if by == "" || slices.ContainsFunc(managers(), func(tool string) bool { return strings.EqualFold(tool, by) }) {
		return ""
	}
	return "ArgoCD " + by
}

// gitOps tells who else keeps Argo CD's settings, so that a change here may not last.
func gitOps(settings *corev1.ConfigMap) string {
	switch {
	case settings.Annotations[annotationTracking] != "" || settings.Labels[labelInstance] != "":
		return "an Application of Argo CD"
	case settings.Labels[labelManagedBy] == managedByHelm:
		return "a Helm release (values configs.cm and configs.rbac of the chart argo-cd)"
	case settings.Labels[labelManagedBy] != "":
		return settings.Labels[labelManagedBy]
	}
	return ""
}

// operatorNote are the lines for the operator's resource. Its policy is one text, so all of it is given.
func operatorNote(w ArgoCD, s ArgoCDState, by, capabilities string, lines policyLines) string {
	policy := ""
	if s.RBAC != nil {
		policy = s.RBAC.Data[policyKey]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Add this to the resource %s of namespace %s:\n\nspec:\n  extraConfig:\n    %s: %q\n", by, w.Installed, w.accountKey(), capabilities)
	if len(lines) > 0 {
		b.WriteString("  rbac:\n    policy: |\n")
		for line := range strings.Lines(appendPolicy(policy, lines)) {
			b.WriteString(strings.TrimRight("      "+line, " \n") + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
