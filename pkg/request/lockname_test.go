package request

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
)

func onGit(url, branch string) Request { return Request{Git: &Git{URL: url, Branch: branch}} }

func onApplications(server string, apps ...Application) Request {
	return Request{ArgoCD: &ArgoCD{Server: server, Applications: apps}}
}

func onLabels(namespace string, labels map[string]string) Request {
	return Request{ArgoCD: &ArgoCD{Server: "argo", Selector: &Selector{MatchLabels: labels, Namespace: namespace}}}
}

// TestLockName writes names down: a run of an older controller and one of a newer have to wait for each other.
func TestLockName(t *testing.T) {
	app := Application{Name: "catalog-dev"}
	for name, tc := range map[string]struct {
		request Request
		want    string
	}{
		"application":                     {onApplications("argo:443", app), "catalog-dev-6d77758c50"},
		"default port":                    {onApplications("argo", app), "catalog-dev-6d77758c50"},
		"project is no part of the name":  {onApplications("argo", Application{Name: "catalog-dev", Project: "p"}), "catalog-dev-6d77758c50"},
		"same in another namespace":       {onApplications("argo", Application{Name: "catalog-dev", Namespace: "apps"}), "catalog-dev-a99fad7b1f"},
		"without TLS":                     {Request{ArgoCD: &ArgoCD{Server: "argo", Plaintext: true, Applications: []Application{app}}}, "catalog-dev-bcfa5870d7"},
		"server of the Secret":            {onApplications("", app), "catalog-dev-7d675b0d99"},
		"several applications":            {onApplications("argo", Application{Name: "b"}, Application{Name: "a"}), "a-b-622443fe2c"},
		"long name is cut at a dash":      {onApplications("argo", Application{Name: strings.Repeat("a", 39) + "-bcd"}), strings.Repeat("a", 39) + "-41a496ce57"},
		"selector":                        {onLabels("", map[string]string{"team": "shop", "env": "dev"}), "dev-shop-f8163ce55c"},
		"selector, values of labels only": {onLabels("", map[string]string{"team": ""}), "lock-faf8243776"},
		"repository and branch":           {onGit("https://github.com/Org/Catalog", "env/Dev"), "catalog-env-dev-4a42e93e12"},
		"nothing readable":                {onGit("https://h/é", "ü"), "lock-418c40beff"},
		"a URL that cannot be parsed":     {onGit("https://h/%zz", "main"), "zz-main-5ef86110c0"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, LockName(tc.request)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneRepositoryHasOneLock(t *testing.T) {
	want := LockName(onGit("https://github.com/org/catalog", "main"))
	for _, url := range []string{
		"https://GitHub.com/Org/Catalog.git/", "http://github.com/org/catalog", "https://github.com:443/org/catalog.git", "https://github.com:8443/org/catalog",
		"ssh://git@github.com/org/catalog.git", "ssh://github.com/org/catalog", "ssh://git@github.com:2222/org/catalog/",
		"git@github.com:org/catalog.git", "git@GitHub.com:/org/catalog", "HTTPS://github.com/org/catalog",
	} {
		if got := LockName(onGit(url, "main")); got != want {
			t.Errorf("%s has the lock %s, https://github.com/org/catalog has %s", url, got, want)
		}
	}
	for _, other := range []Request{
		onGit("https://github.com/org/catalog", "Main"), onGit("https://github.com/org/catalog2", "main"), onGit("https://gitlab.com/org/catalog", "main"),
		onGit("https://github.com/catalog", "main"),
	} {
		if got := LockName(other); got == want {
			t.Errorf("%+v has the same lock %s", other.Git, got)
		}
	}
}

func TestLockNameOfApplications(t *testing.T) {
	name := rapid.StringMatching(`[a-z]([a-z0-9.-]{0,20}[a-z0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		apps := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Application {
			return Application{Name: name.Draw(t, "name"), Namespace: rapid.SampledFrom([]string{"", "apps", "dev"}).Draw(t, "namespace")}
		}), 1, MaxApplications, func(a Application) Application { return a }).Draw(t, "applications")
		server := rapid.SampledFrom([]string{"", "argo", "[::1]"}).Draw(t, "server")
		got := LockName(onApplications(server, apps...))
		if len(validation.IsDNS1123Subdomain(got)) > 0 || len(got) > maxLockPrefix+1+lockHashChars {
			t.Fatalf("%q is no name for a Lease", got)
		}
		mixed := rapid.Permutation(apps).Draw(t, "other order")
		before := slices.Clone(mixed)
		if other := LockName(onApplications(server, mixed...)); other != got {
			t.Fatalf("%v has %s, and %v has %s", apps, got, mixed, other)
		}
		if diff := cmp.Diff(before, mixed); diff != "" {
			t.Fatalf("LockName has sorted the request:\n%s", diff)
		}
		if len(apps) > 1 && LockName(onApplications(server, apps[1:]...)) == got {
			t.Fatalf("%v has the lock of %v", apps[1:], apps)
		}
	})
}
