package config_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
)

// The overlay that the README shows builds on a release, and changes what it says and nothing else.
func TestOverlayOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(apiVersion: kustomize.config.k8s.io/v1beta1\n.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("README.md shows no overlay")
	}
	released, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), ".")
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := released.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	memory := filesys.MakeFsInMemory()
	address := regexp.MustCompile(`https://github\.com/tekton-gitops/tekton-gitops/releases/download/v\S+/release\.yaml`)
	for name, content := range map[string][]byte{
		"release.yaml": manifests, "kustomization.yaml": address.ReplaceAll(block[1], []byte("release.yaml")),
	} {
		if err := memory.WriteFile(name, content); err != nil {
			t.Fatal(err)
		}
	}
	overlaid := buildIn(t, memory, ".")

	if d := cmp.Diff(names(build(t, ".")), names(overlaid)); d != "" {
		t.Error(d)
	}
	if got := *one[*appsv1.Deployment](t, overlaid, "tekton-gitops-controller").Spec.Replicas; got != 3 {
		t.Errorf("%d replicas", got)
	}
	inForce := one[*corev1.ConfigMap](t, overlaid, policy.Name).Data
	if _, kept := inForce["_example"]; !kept {
		t.Error("the documentation of the keys is gone")
	}
	checkPolicyOfOverlay(t, inForce)
	network := one[*networkingv1.NetworkPolicy](t, overlaid, "tekton-gitops-controller").Spec
	if len(network.PolicyTypes) != 2 || len(network.Ingress) != 2 || len(network.Egress) != 1 {
		t.Errorf("network: %+v", network)
	}
}

// checkPolicyOfOverlay looks whether runs reach GitHub, whose API for pull requests is on a host of its own, and no other host.
func checkPolicyOfOverlay(t *testing.T, inForce map[string]string) {
	t.Helper()
	got, err := policy.Parse(inForce)
	if err != nil || !got.RequireHostBinding {
		t.Errorf("policy: %+v, %v", got, err)
	}
	type allowed struct{ GitHub, API, Other, OtherAPI bool }
	found := allowed{
		GitHub: got.CheckGit("https://github.com/org/catalog.git") == nil, API: got.CheckAPI("https://api.github.com") == nil,
		Other: got.CheckGit("https://git.example.com/org/catalog.git") == nil, OtherAPI: got.CheckAPI("https://git.example.com/api/v1") == nil,
	}
	if d := cmp.Diff(allowed{GitHub: true, API: true}, found); d != "" {
		t.Error(d)
	}
}
