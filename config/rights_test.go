package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
)

// forbidden tells what of a rule may stand in no role at all, wherever it is bound.
func forbidden(rule rbacv1.PolicyRule) string {
	for _, text := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.ResourceNames, rule.NonResourceURLs) {
		if strings.Contains(text, "*") {
			return "a wildcard"
		}
	}
	for _, verb := range rule.Verbs {
		if slices.Contains([]string{"impersonate", "escalate", "bind", "approve", "sign"}, verb) {
			return verb
		}
	}
	for _, resource := range rule.Resources {
		if resource == "serviceaccounts/token" || strings.HasPrefix(resource, "pods") || strings.HasPrefix(resource, "nodes") {
			return resource
		}
		if resource == "secrets" && !slices.Equal(rule.Verbs, []string{"get"}) {
			return fmt.Sprintf("%v on secrets", rule.Verbs)
		}
	}
	if len(rule.NonResourceURLs) > 0 {
		return "a path of the API server"
	}
	return ""
}

// forbiddenClusterWide tells what of a rule the controller may not have in a namespace that did not ask for it. What it may
// have is a list: whatever is new has to be thought about.
func forbiddenClusterWide(rule rbacv1.PolicyRule) string {
	readable := map[string]string{
		"customruns": "tekton.dev", "pipelineruns": "tekton.dev", "gitopsdeploys": "gitops.tekton.dev", "gitopsprs": "gitops.tekton.dev",
	}
	for _, resource := range rule.Resources {
		for _, group := range rule.APIGroups {
			for _, verb := range rule.Verbs {
				read := readable[resource] == group && group != "" && slices.Contains([]string{"get", "list", "watch"}, verb)
				if !read && (group+"/"+resource != "tekton.dev/customruns/status" || verb != "update") {
					return verb + " " + resource
				}
			}
		}
	}
	return ""
}

func TestForbidden(t *testing.T) {
	rule := func(groups, resources, verbs string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{
			APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ","), Verbs: strings.Split(verbs, ","),
		}
	}
	type verdict struct{ Anywhere, ClusterWide string }
	for what, c := range map[string]struct {
		rule rbacv1.PolicyRule
		want verdict
	}{
		"what every run needs":        {rule("tekton.dev", "customruns", "get,list,watch"), verdict{}},
		"the status of runs":          {rule("tekton.dev", "customruns/status", "update"), verdict{}},
		"secrets by name":             {rule("", "secrets", "get"), verdict{"", "get secrets"}},
		"secrets among others":        {rule("", "configmaps,secrets", "get,list"), verdict{"[get list] on secrets", "get configmaps"}},
		"all secrets":                 {rule("", "secrets", "list"), verdict{"[list] on secrets", "list secrets"}},
		"the lock":                    {rule("coordination.k8s.io", "leases", "get,create,delete"), verdict{"", "get leases"}},
		"any verb":                    {rule("tekton.dev", "customruns", "*"), verdict{"a wildcard", "* customruns"}},
		"any resource":                {rule("tekton.dev", "*", "get"), verdict{"a wildcard", "get *"}},
		"any subresource":             {rule("tekton.dev", "customruns/*", "get"), verdict{"a wildcard", "get customruns/*"}},
		"any group":                   {rule("*", "customruns", "get"), verdict{"a wildcard", "get customruns"}},
		"the name of another group":   {rule("example.com", "customruns", "get"), verdict{"", "get customruns"}},
		"runs to be made":             {rule("tekton.dev", "customruns", "create"), verdict{"", "create customruns"}},
		"somebody else's name":        {rule("", "users,groups,serviceaccounts", "impersonate"), verdict{"impersonate", "impersonate users"}},
		"tokens":                      {rule("", "serviceaccounts/token", "create"), verdict{"serviceaccounts/token", "create serviceaccounts/token"}},
		"a shell in pods":             {rule("", "pods/exec", "create"), verdict{"pods/exec", "create pods/exec"}},
		"more rights for itself":      {rule("rbac.authorization.k8s.io", "clusterroles", "escalate"), verdict{"escalate", "escalate clusterroles"}},
		"rights of others for itself": {rule("rbac.authorization.k8s.io", "clusterroles", "bind"), verdict{"bind", "bind clusterroles"}},
		"the API server's own paths":  {rbacv1.PolicyRule{NonResourceURLs: []string{"/metrics"}}, verdict{"a path of the API server", ""}},
	} {
		if d := cmp.Diff(c.want, verdict{forbidden(c.rule), forbiddenClusterWide(c.rule)}); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
}

// cell is one row of `kubectl auth can-i --list`: resource, paths, names, verbs.
var cell = regexp.MustCompile(`^(\S*) +\[(.*?)\] +\[(.*?)\] +\[(.*?)\]$`)

// granted are the rows of a file of testdata/rights, which TestRights of test/e2e holds against the API server.
func granted(t *testing.T, kind string) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rights", kind+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	for _, row := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		found := cell.FindStringSubmatch(row)
		if found == nil {
			t.Fatalf("%s: a row that is none: %q", kind, row)
		}
		rules = append(rules, policyRule(found[1], strings.Fields(found[2]), strings.Fields(found[3]), strings.Fields(found[4])))
	}
	return rules
}

// policyRule takes a resource as kubectl writes it: RESOURCE.GROUP/SUBRESOURCE.
func policyRule(resource string, paths, names, verbs []string) rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{NonResourceURLs: paths, ResourceNames: names, Verbs: verbs}
	if resource != "" {
		whole, sub, isSub := strings.Cut(resource, "/")
		plural, group, _ := strings.Cut(whole, ".")
		if isSub {
			plural += "/" + sub
		}
		rule.Resources, rule.APIGroups = []string{plural}, []string{group}
	}
	return rule
}

// What the API server grants is what may be granted, and outside of enabled namespaces nothing that belongs to a team.
func TestGrantedRights(t *testing.T) {
	for _, kind := range []string{"own", "enabled", "other"} {
		for _, rule := range granted(t, kind) {
			if what := forbidden(rule); what != "" {
				t.Errorf("%s: the controller has %s", kind, what)
			}
			if what := forbiddenClusterWide(rule); kind == "other" && what != "" {
				t.Errorf("%s: the controller may %s", kind, what)
			}
		}
	}
}

// The files are what the roles of config/ add up to, so that a change of a role needs no control plane to be seen in them.
func TestGrantedRightsAreThoseOfTheRoles(t *testing.T) {
	objects := build(t, ".")
	everywhere := one[*rbacv1.ClusterRole](t, objects, "tekton-gitops-controller").Rules
	for kind, roles := range map[string][]rbacv1.PolicyRule{
		"other":   everywhere,
		"enabled": slices.Concat(everywhere, one[*rbacv1.ClusterRole](t, objects, "tekton-gitops-tenant").Rules),
		"own":     slices.Concat(everywhere, one[*rbacv1.Role](t, objects, "tekton-gitops-controller").Rules),
	} {
		if d := cmp.Diff(rights(roles), rights(granted(t, kind))); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
}
