package config_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
)

// rights are the rules as "verb resource" or "verb resource/name", one by one, so that a new one is seen.
func rights(rules []rbacv1.PolicyRule) []string {
	var found []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if group != "" {
					resource += "." + group
				}
				for _, verb := range rule.Verbs {
					if len(rule.ResourceNames) == 0 {
						found = append(found, verb+" "+resource)
					}
					for _, name := range rule.ResourceNames {
						found = append(found, verb+" "+resource+" "+name)
					}
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestRights(t *testing.T) {
	objects := build(t, ".")
	got := map[string][]string{}
	for _, role := range all[*rbacv1.ClusterRole](objects) {
		got["cluster "+role.Name] = rights(role.Rules)
	}
	for _, role := range all[*rbacv1.Role](objects) {
		got[role.Namespace+" "+role.Name] = rights(role.Rules)
	}
	want := map[string][]string{
		"cluster tekton-gitops-controller": {
			"get customruns.tekton.dev", "get gitopsdeploys.gitops.tekton.dev", "get gitopsprs.gitops.tekton.dev", "get pipelineruns.tekton.dev",
			"list customruns.tekton.dev", "update customruns/status.tekton.dev", "watch customruns.tekton.dev",
		},
		"cluster tekton-gitops-tenant": {
			"create events", "create gitopsrecords.gitops.tekton.dev", "create leases.coordination.k8s.io",
			"delete leases.coordination.k8s.io",
			"get configmaps", "get gitopsrecords.gitops.tekton.dev", "get leases.coordination.k8s.io", "get secrets", "get serviceaccounts",
			"patch events", "update gitopsrecords.gitops.tekton.dev",
		},
		"cluster tekton-gitops-aggregate-view": {
			"get gitopsdeploys.gitops.tekton.dev", "get gitopsprs.gitops.tekton.dev", "get gitopsrecords.gitops.tekton.dev", "get leases.coordination.k8s.io",
			"list gitopsdeploys.gitops.tekton.dev", "list gitopsprs.gitops.tekton.dev", "list gitopsrecords.gitops.tekton.dev",
			"watch gitopsdeploys.gitops.tekton.dev", "watch gitopsprs.gitops.tekton.dev", "watch gitopsrecords.gitops.tekton.dev",
		},
		"cluster tekton-gitops-aggregate-edit": {
			"create gitopsdeploys.gitops.tekton.dev", "create gitopsprs.gitops.tekton.dev",
			"delete gitopsdeploys.gitops.tekton.dev", "delete gitopsprs.gitops.tekton.dev", "delete gitopsrecords.gitops.tekton.dev",
			"deletecollection gitopsdeploys.gitops.tekton.dev", "deletecollection gitopsprs.gitops.tekton.dev", "deletecollection gitopsrecords.gitops.tekton.dev",
			"get gitopsdeploys.gitops.tekton.dev", "get gitopsprs.gitops.tekton.dev", "get gitopsrecords.gitops.tekton.dev",
			"list gitopsdeploys.gitops.tekton.dev", "list gitopsprs.gitops.tekton.dev", "list gitopsrecords.gitops.tekton.dev",
			"patch gitopsdeploys.gitops.tekton.dev", "patch gitopsprs.gitops.tekton.dev", "update gitopsdeploys.gitops.tekton.dev", "update gitopsprs.gitops.tekton.dev",
			"watch gitopsdeploys.gitops.tekton.dev", "watch gitopsprs.gitops.tekton.dev", "watch gitopsrecords.gitops.tekton.dev",
		},
		"tekton-gitops tekton-gitops-controller": {
			"create leases.coordination.k8s.io",
			"get configmaps config-gitops", "get configmaps config-gitops-defaults", "get configmaps config-leader-election",
			"get configmaps config-logging", "get configmaps config-observability", "get configmaps config-tracing",
			"get leases.coordination.k8s.io", "list configmaps", "update leases.coordination.k8s.io", "watch configmaps",
		},
		"tekton-gitops tekton-gitops-info": {"get configmaps gitops-info"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestGoldenRules(t *testing.T) {
	objects := build(t, ".")
	rules := map[string][]rbacv1.PolicyRule{}
	for _, role := range all[*rbacv1.ClusterRole](objects) {
		rules["ClusterRole "+role.Name] = role.Rules
		if role.AggregationRule != nil {
			t.Errorf("ClusterRole %s grows by itself", role.Name)
		}
	}
	for _, role := range all[*rbacv1.Role](objects) {
		rules["Role "+role.Name] = role.Rules
	}
	for name, list := range rules {
		for _, rule := range list {
			if what := forbidden(rule); what != "" {
				t.Errorf("%s grants %s", name, what)
			}
		}
	}
}

// Nothing that belongs to a team is granted in all namespaces, unless somebody asks for it.
func TestClusterWideRights(t *testing.T) {
	for _, binding := range all[*rbacv1.ClusterRoleBinding](build(t, ".")) {
		for _, rule := range one[*rbacv1.ClusterRole](t, build(t, "."), binding.RoleRef.Name).Rules {
			if what := forbiddenClusterWide(rule); what != "" {
				t.Errorf("ClusterRoleBinding %s grants %s in all namespaces", binding.Name, what)
			}
		}
	}
}

func TestBindings(t *testing.T) {
	controller := []rbacv1.Subject{{Kind: "ServiceAccount", Name: "tekton-gitops-controller", Namespace: namespace}}
	everybody := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:authenticated"}}
	type binding struct {
		Role     rbacv1.RoleRef
		Subjects []rbacv1.Subject
	}
	got := map[string]binding{}
	for path, objects := range files(t) {
		for _, b := range all[*rbacv1.ClusterRoleBinding](objects) {
			got[path+" "+b.Name] = binding{b.RoleRef, b.Subjects}
		}
		for _, b := range all[*rbacv1.RoleBinding](objects) {
			got[path+" "+b.Namespace+"/"+b.Name] = binding{b.RoleRef, b.Subjects}
		}
	}
	role := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	want := map[string]binding{
		"201-clusterrolebinding.yaml tekton-gitops-controller":             {role("ClusterRole", "tekton-gitops-controller"), controller},
		"201-rolebinding.yaml tekton-gitops/tekton-gitops-controller":      {role("Role", "tekton-gitops-controller"), controller},
		"201-rolebinding.yaml tekton-gitops/tekton-gitops-info":            {role("Role", "tekton-gitops-info"), everybody},
		"cluster-wide/clusterrolebinding-tenant.yaml tekton-gitops-tenant": {role("ClusterRole", "tekton-gitops-tenant"), controller},
		"tenant/rolebinding.yaml /tekton-gitops":                           {role("ClusterRole", "tekton-gitops-tenant"), controller},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
