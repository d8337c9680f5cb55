package layout

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

const root = "../.."

// documents are the Markdown files of the repository, below its root.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return nil
	})
	if err != nil || len(all) < 8 {
		t.Fatalf("%d documents, %v", len(all), err)
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what the headings of a document are called in links, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.ReplaceAll(unsaid.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-")
		if n := count(all, name); n > 0 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		all = append(all, name)
	}
	return all
}

func count(all []string, name string) (n int) {
	for _, a := range all {
		if a == name {
			n++
		}
	}
	return n
}

// broken are the links of a document that lead nowhere inside the repository.
func broken(file, text string) []string {
	var all []string
	for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		target := found[1]
		if strings.Contains(target, "://") || strings.ContainsAny(target, "$…") {
			continue
		}
		path, anchor, _ := strings.Cut(target, "#")
		there := text
		if path != "" {
			path = filepath.Join(filepath.Dir(file), path)
			info, err := os.Stat(path)
			if err != nil {
				all = append(all, target)
				continue
			}
			if info.IsDir() {
				path = filepath.Join(path, "README.md")
			}
			if anchor != "" {
				data, err := os.ReadFile(path)
				if err != nil {
					all = append(all, target)
					continue
				}
				there = string(data)
			}
		}
		if anchor != "" && !slices.Contains(anchors(there), anchor) {
			all = append(all, target)
		}
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range documents(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range broken(file, string(data)) {
			t.Errorf("%s: %s leads nowhere", file, target)
		}
	}
}

func TestBrokenLinks(t *testing.T) {
	const text = "# A `b` c: d\n\n## Same\n\n## Same\n\n```\n# no heading\n[x](gone.md)\n```\n" +
		"[a](#a-b-c-d) [b](#same-1) [c](docs_test.go) [d](https://example.com/x) [e](#no-heading) [f](gone.md) [g](../../README.md#gone)\n"
	want := []string{"#no-heading", "gone.md", "../../README.md#gone"}
	if got := broken("here.md", text); !slices.Equal(got, want) {
		t.Errorf("broken: %q, want %q", got, want)
	}
}

var (
	word     = regexp.MustCompile("`([a-z]+(?:-[a-z]+)*)`")
	pinned   = regexp.MustCompile(`@[0-9a-f]{40}$`)
	makeLine = regexp.MustCompile(`^make ([a-z-]+)$`)
)

// Whatever the guide sends a parameter to is a parameter or a result.
func TestMigrationGuideNamesWhatExists(t *testing.T) {
	known := map[string]bool{}
	for _, p := range request.Parameters() {
		known[p.Name] = true
	}
	for _, r := range v1alpha1.Results() {
		known[r.Name] = true
	}
	data, err := os.ReadFile(filepath.Join(root, "examples", "migrating.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 2 {
			continue
		}
		// The first words of the second cell say where it goes; sentences behind them mention other things.
		to, _, _ := strings.Cut(cells[1], ".")
		to, _, _ = strings.Cut(to, " (")
		if strings.HasPrefix(to, "nothing") || strings.HasPrefix(to, "the ") {
			continue
		}
		for _, found := range word.FindAllStringSubmatch(to, -1) {
			checked++
			if !known[found[1]] && !slices.Contains([]string{"manifests", "helm", "yaml"}, found[1]) {
				t.Errorf("%s is neither a parameter nor a result: %s", found[1], line)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d names were found", checked)
	}
}

// The workflows run what everybody runs, with actions that cannot change under them.
func TestWorkflows(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows, %v", err)
	}
	ran := map[string][]string{} // targets by the workflow that makes them
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Steps []struct{ Uses, Run string }
			}
		}
		if err := yaml.Unmarshal(data, &workflow); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions %v", file, workflow.Permissions)
		}
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned by its commit", file, step.Uses)
				}
				if step.Run == "" {
					continue
				}
				target := makeLine.FindStringSubmatch(step.Run)
				if target == nil || !strings.Contains(string(makefile), "\n"+target[1]+":") {
					t.Errorf("%s: %q is no target of the Makefile", file, step.Run)
					continue
				}
				ran[filepath.Base(file)] = append(ran[filepath.Base(file)], target[1])
			}
		}
	}
	script, err := exec.Command("grep", "^make ", filepath.Join(root, ".ci", "run")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if wanted := strings.Fields(string(script))[1:]; !slices.Equal(ran["ci.yaml"], wanted) {
		t.Errorf("ci.yaml makes %q, .ci/run %q", ran["ci.yaml"], wanted)
	}
}
