// Package layout holds the repository to its structure: imports point one way, and the top level has the agreed names.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tekton-gitops/tekton-gitops/"

// mayImport says which packages of this module each package may import. A package that is missing here fails the test:
// a new package has to be given its place.
var mayImport = map[string][]string{
	"cmd/controller": {"pkg/reconciler/customrun"},
	"cmd/tkn-gitops": {"pkg/cli"},
	"pkg/cli": {
		"pkg/apis/gitops/v1alpha1", "pkg/argocd", "pkg/credentials", "pkg/lock", "pkg/progress", "pkg/render", "pkg/request", "pkg/setup",
	},
	"pkg/progress":             {"pkg/apis/gitops/v1alpha1", "pkg/lock", "pkg/request"},
	"pkg/apis/gitops":          {},
	"pkg/apis/gitops/v1alpha1": {"pkg/apis/gitops"},
	"pkg/image":                {},
	"pkg/manifest":             {"pkg/image"},
	"pkg/gitrepo":              {},
	"pkg/lock":                 {},
	"pkg/argocd":               {},
	"pkg/rollout":              {"pkg/image"},
	"pkg/credentials":          {},
	"pkg/failpoint":            {},
	"pkg/pullrequest":          {},
	"pkg/pullrequest/github":   {"pkg/pullrequest"},
	"pkg/pullrequest/gitea":    {"pkg/pullrequest"},
	"pkg/pullrequest/hosts":    {"pkg/pullrequest", "pkg/pullrequest/gitea", "pkg/pullrequest/github"},
	"pkg/request":              {"pkg/apis/gitops", "pkg/apis/gitops/v1alpha1", "pkg/image"},
	"pkg/policy":               {"pkg/request"},
	"pkg/render": {
		"pkg/apis/gitops", "pkg/apis/gitops/v1alpha1", "pkg/credentials", "pkg/gitrepo", "pkg/policy", "pkg/request", "pkg/update",
	},
	"pkg/setup":   {"pkg/credentials", "pkg/request"},
	"pkg/update":  {"pkg/apis/gitops/v1alpha1", "pkg/gitrepo", "pkg/image", "pkg/manifest", "pkg/request"},
	"pkg/metrics": {"pkg/apis/gitops/v1alpha1"},
	"pkg/tracing": {},
	"pkg/logkey":  {},
	"pkg/reconciler/customrun": {
		"pkg/apis/gitops/v1alpha1", "pkg/argocd", "pkg/credentials", "pkg/failpoint", "pkg/gitrepo", "pkg/image",
		"pkg/lock", "pkg/logkey", "pkg/manifest", "pkg/metrics", "pkg/policy", "pkg/pullrequest", "pkg/pullrequest/hosts", "pkg/request",
		"pkg/rollout", "pkg/tracing", "pkg/update",
	},
}

// onlyIn says which package alone may import a module, so that a change of that module stays in one place.
var onlyIn = map[string]string{
	"github.com/go-git/go-git/v5":                "pkg/gitrepo",
	"github.com/ProtonMail/go-crypto":            "pkg/gitrepo",
	"github.com/argoproj/argo-cd/v2":             "pkg/argocd",
	"github.com/distribution/reference":          "pkg/image",
	"github.com/google/go-github/v60":            "pkg/pullrequest/github",
	"github.com/bradleyfalzon/ghinstallation/v2": "pkg/pullrequest/github",
	"code.gitea.io/sdk/gitea":                    "pkg/pullrequest/gitea",
	"go.opencensus.io":                           "pkg/metrics",
	"go.opentelemetry.io/otel/sdk":               "pkg/tracing",
	"go.opentelemetry.io/otel/exporters":         "pkg/tracing",
}

// plain are the packages that can be used as libraries: neither Tekton nor knative is behind them.
var plain = []string{"pkg/image", "pkg/manifest", "pkg/gitrepo", "pkg/lock", "pkg/argocd", "pkg/rollout", "pkg/credentials", "pkg/pullrequest/hosts"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./cmd/...", "./pkg/...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func TestImportsPointOneWay(t *testing.T) {
	for name, p := range packages(t) {
		if strings.Contains(name, "/internal/") {
			continue // test servers; the compiler keeps them where they are
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table: give it its place", name)
			continue
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s must not import %s", name, own)
			}
			for path, owner := range onlyIn {
				if (imported == path || strings.HasPrefix(imported, path+"/")) && name != owner {
					t.Errorf("%s imports %s, which only %s may", name, imported, owner)
				}
			}
		}
		if !slices.Contains(plain, name) {
			continue
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "github.com/tektoncd/") || strings.HasPrefix(dep, "knative.dev/") {
				t.Errorf("%s depends on %s: it is a library without Tekton and knative", name, dep)
			}
		}
	}
}

func TestTopLevelNames(t *testing.T) {
	agreed := regexp.MustCompile(`^(cmd|pkg|config|tekton|examples|test|go\.mod|go\.sum|Makefile|README\.md|LICENSE|\..*)$`)
	out, err := exec.Command("git", "-C", filepath.Join("..", ".."), "ls-files").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), "/"); !agreed.MatchString(name) {
			t.Errorf("%s is not one of the agreed names of the top level", name)
		}
	}
}
