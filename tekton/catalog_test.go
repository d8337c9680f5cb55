package tekton_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// indexed is the folder that Artifact Hub indexes: a repository of kind Tekton pipelines, versioned by directory.
const indexed = "catalog/pipeline"

// entry is one version of one Pipeline of the catalog.
type entry struct{ name, version, dir string }

func (e entry) file() string { return filepath.Join(e.dir, e.name+".yaml") }

func entries(t *testing.T) []entry {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(indexed, "*", "*"))
	if err != nil || len(dirs) < 2 {
		t.Fatalf("found %v, %v", dirs, err)
	}
	var all []entry
	for _, dir := range dirs {
		all = append(all, entry{filepath.Base(filepath.Dir(dir)), filepath.Base(dir), dir})
	}
	return all
}

// The categories that Tekton's catalog knows (config.yaml of its hub).
var categories = []string{
	"Automation", "Build Tools", "CLI", "Cloud", "Code Quality", "Continuous Integration", "Deployment", "Developer Tools",
	"Image Build", "Integration & Delivery", "Git", "Kubernetes", "Messaging", "Monitoring", "Networking", "Openshift",
	"Publishing", "Security", "Storage", "Testing",
}

var (
	versionForm  = regexp.MustCompile(`^[0-9]+\.[0-9]+$`) // what the catalog's test runner takes
	platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+$`)
)

// The layout is NAME/VERSION/{NAME.yaml,README.md,samples,tests}, and the metadata is what the catalog's linter, its test
// runner and Artifact Hub ask for.
func TestCatalogEntries(t *testing.T) {
	t.Parallel()
	for _, e := range entries(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := pipeline(t, e.file())
			if p.Name != e.name || p.Namespace != "" || p.Labels["app.kubernetes.io/version"] != e.version || !versionForm.MatchString(e.version) {
				t.Errorf("name %s, namespace %s, version %s: want those of %s", p.Name, p.Namespace, p.Labels["app.kubernetes.io/version"], e.dir)
			}
			checkAnnotations(t, p.Annotations)
			summary, rest, _ := strings.Cut(p.Spec.Description, "\n")
			if !strings.HasSuffix(summary, ".") || len(summary) > 120 || strings.HasPrefix(rest, " ") || len(strings.TrimSpace(rest)) == 0 {
				t.Errorf("the description begins with %q: want a summary, then the details", summary)
			}
			checkFiles(t, e)
		})
	}
}

func checkAnnotations(t *testing.T, annotations map[string]string) {
	t.Helper()
	for _, name := range []string{"tekton.dev/tags", "tekton.dev/displayName", "artifacthub.io/category", "artifacthub.io/license", "artifacthub.io/provider"} {
		if annotations[name] == "" {
			t.Errorf("annotation %s is missing", name)
		}
	}
	if _, err := version.ParseSemantic(annotations["tekton.dev/pipelines.minVersion"]); err != nil {
		t.Errorf("minVersion: %v", err)
	}
	for category := range strings.SplitSeq(annotations["tekton.dev/categories"], ",") {
		if !slices.Contains(categories, strings.TrimSpace(category)) {
			t.Errorf("the catalog has no category %q", category)
		}
	}
	for platform := range strings.SplitSeq(annotations["tekton.dev/platforms"], ",") {
		if !platformForm.MatchString(platform) || !slices.Contains(platforms(t), platform) {
			t.Errorf("platform %q: want os/arch, as the controller's image is built (.ko.yaml)", platform)
		}
	}
	var links []struct{ Name, URL string }
	if err := yaml.UnmarshalStrict([]byte(annotations["artifacthub.io/links"]), &links); err != nil || len(links) == 0 {
		t.Errorf("links: %v %v", links, err)
	}
	var changes []struct{ Kind, Description string }
	if err := yaml.UnmarshalStrict([]byte(annotations["artifacthub.io/changes"]), &changes); err != nil || len(changes) == 0 {
		t.Errorf("changes: %v %v", changes, err)
	}
	for _, change := range changes {
		if !slices.Contains([]string{"added", "changed", "deprecated", "removed", "fixed", "security"}, change.Kind) || change.Description == "" {
			t.Errorf("Artifact Hub does not know a change %+v", change)
		}
	}
}

// platforms are those of the controller's image.
func platforms(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../.ko.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var ko struct {
		DefaultPlatforms []string `json:"defaultPlatforms"`
	}
	if err := yaml.Unmarshal(data, &ko); err != nil {
		t.Fatal(err)
	}
	return ko.DefaultPlatforms
}

// checkFiles looks at what is beside the Pipeline: samples that the README lists, and a test that the catalog can run.
func checkFiles(t *testing.T, e entry) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(e.dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(e.dir, "samples", "*.yaml"))
	if err != nil || len(samples) < 2 {
		t.Fatalf("samples %v, %v", samples, err)
	}
	for _, sample := range samples {
		base := filepath.Base(sample)
		if !strings.Contains(string(readme), "| ["+base+"](samples/"+base+") |") {
			t.Errorf("the README does not list samples/%s", base)
		}
	}
	install := "kubectl apply -f https://raw.githubusercontent.com/tekton-gitops/tekton-gitops/main/tekton/" + e.file() + "\n"
	if !strings.Contains(string(readme), install) {
		t.Errorf("the README does not tell: %s", install)
	}
	for _, run := range append(samples, filepath.Join(e.dir, "tests", "run.yaml")) {
		if filepath.Base(run) == "setup.yaml" {
			continue
		}
		if made, ok := decode(t, run)[0].(*pipelinev1.PipelineRun); !ok || made.Spec.PipelineRef == nil || made.Spec.PipelineRef.Name != e.name {
			t.Errorf("%s is no run of %s", run, e.name)
		}
	}
	if info, err := os.Stat(filepath.Join(e.dir, "tests", "pre-apply-taskrun-hook.sh")); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the test has no hook that can be run: %v", err)
	}
}

// The file that Artifact Hub reads has the fields that it knows, and hides no entry.
func TestArtifactHubRepository(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(indexed, "artifacthub-repo.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var repository struct {
		RepositoryID string `json:"repositoryID"`
		Owners       []struct{ Name, Email string }
		Ignore       []struct{ Name, Version string }
	}
	if err := yaml.UnmarshalStrict(data, &repository); err != nil {
		t.Fatal(err)
	}
	uuid := regexp.MustCompile(`^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})?$`)
	if !uuid.MatchString(repository.RepositoryID) {
		t.Errorf("repositoryID %q is no UUID", repository.RepositoryID)
	}
	for _, owner := range repository.Owners {
		if owner.Name == "" || !strings.Contains(owner.Email, "@") {
			t.Errorf("owner %+v needs a name and an address", owner)
		}
	}
	if len(repository.Ignore) > 0 {
		t.Errorf("ignored: %+v", repository.Ignore)
	}
}
