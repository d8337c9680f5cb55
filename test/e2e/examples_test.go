package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// Every file of examples/ is applied, and every PipelineRun in it succeeds. The files name the applications of a
// namespace product-catalog, so they run one after the other in one of that name.
func TestExamples(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Name: "product-catalog", Environments: []string{"dev", "test"}})
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	examples := filepath.Join(root, "examples")
	for _, file := range []string{"definition.yaml", "pipeline.yaml"} {
		manifest, err := os.ReadFile(filepath.Join(examples, "product-catalog", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Apply(t.Context(), n.Namespace, manifest); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			manifest, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pr := &pipelinev1.PipelineRun{}
			if err := yaml.UnmarshalStrict(manifest, pr); err != nil {
				t.Fatal(err)
			}
			runs := n.tekton.TektonV1().PipelineRuns(n.Namespace)
			if pr, err = runs.Create(t.Context(), pr, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(runTimeout); !pr.IsDone(); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("not done within %s: %+v", runTimeout, pr.Status.Conditions)
				}
				if pr, err = runs.Get(t.Context(), pr.Name, metav1.GetOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if c := pr.Status.GetCondition(apis.ConditionSucceeded); !c.IsTrue() {
				t.Fatalf("%s: %s", c.Reason, c.Message)
			}
		})
	}
	if got, want := n.liveImage("test"), serverImage+":1.0.1"; got != want {
		t.Errorf("test runs %s, want %s", got, want)
	}
	n.noLease()
}

// What the README shows is what the examples have, and those are run.
func TestReadmeShowsExamples(t *testing.T) {
	t.Parallel()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	err = filepath.WalkDir(filepath.Join(root, "examples"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".yaml") {
			data, readErr := os.ReadFile(path)
			examples = append(examples, words(string(data)))
			return readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for part := range strings.SplitSeq(string(readme), "```yaml\n") {
		block, _, found := strings.Cut(part, "```")
		if blocks++; blocks == 1 || !found {
			continue // what stands before the first block
		}
		if !slices.ContainsFunc(examples, func(e string) bool { return strings.Contains(e, words(block)) }) {
			t.Errorf("no example has this block:\n%s", block)
		}
	}
	if blocks < 3 {
		t.Errorf("found %d YAML blocks", blocks-1)
	}
}

// words is a text without its comments and indentation, which may differ where a file is quoted.
func words(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
