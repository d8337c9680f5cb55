package e2e

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// exampleTexts are all files below examples/, by their path there.
func exampleTexts(t *testing.T) map[string]string {
	t.Helper()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	texts, from := map[string]string{}, os.DirFS(filepath.Join(root, "examples"))
	err = fs.WalkDir(from, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, file)
		texts[file] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// commandBlocks are the shell commands of examples/README.md, block by block.
func commandBlocks(readme string) []string {
	var blocks []string
	for _, found := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme, -1) {
		blocks = append(blocks, found[1])
	}
	return blocks
}

// Every file of examples/ is run. One of the folder itself is in the table of TestExamples; one of the sample's folder is
// applied there; one of a story is in a command that TestStories runs. What lies deeper is in a repository, where an
// application has to come to it. What is none of these would be tested by nobody.
func TestEveryExampleIsRun(t *testing.T) {
	t.Parallel()
	texts, table := exampleTexts(t), examples()
	deployed := deployedFiles(t, texts)
	commands := strings.Join(commandBlocks(texts["README.md"]), "")
	for file := range texts {
		folder, name := path.Dir(file), path.Base(file)
		run := false
		switch {
		case path.Ext(file) == ".md":
			run = folder == "."
		case folder == ".":
			_, run = table[name]
		case folder == "product-catalog":
			run = path.Ext(file) == ".yaml"
		default:
			run = deployed[file] || strings.Contains(commands, "examples/"+file)
		}
		if !run {
			t.Errorf("nothing runs examples/%s", file)
		}
	}
}

// examples/README.md has a row for every file that is not the sample's repository.
func TestExamplesAreListed(t *testing.T) {
	t.Parallel()
	texts := exampleTexts(t)
	for file := range texts {
		if path.Ext(file) != ".yaml" || strings.HasPrefix(path.Dir(file), "product-catalog/") {
			continue
		}
		if !regexp.MustCompile(`(?m)^\|[^|]*` + "`" + regexp.QuoteMeta(file) + "`[^|]* \\| ").MatchString(texts["README.md"]) {
			t.Errorf("examples/README.md has no row for %s", file)
		}
	}
}

// source is where an Application has its manifests.
type source struct {
	RepoURL, Path string
	Helm          struct{ ValueFiles []string }
}

// sources are those of all Applications in the examples.
func sources(t *testing.T, texts map[string]string) []source {
	t.Helper()
	var all []source
	for file, text := range texts {
		if path.Ext(file) != ".yaml" {
			continue
		}
		for document := range strings.SplitSeq(text, "\n---\n") {
			if !strings.Contains(document, "\nkind: Application\n") {
				continue
			}
			var application struct {
				Spec struct {
					Source  source
					Sources []source
				}
			}
			if err := yaml.Unmarshal([]byte(document), &application); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(append(all, application.Spec.Source), application.Spec.Sources...)
		}
	}
	return all
}

// deployedFiles are the files that the Applications of the examples come to, by their path in examples/.
func deployedFiles(t *testing.T, texts map[string]string) map[string]bool {
	t.Helper()
	// Where the repositories have their files from: the README says where those of the setup are put.
	folders := map[string]string{
		"https://github.com/example/cluster-config argocd":                  "setup/argocd",
		"https://github.com/example/cluster-config tenants/product-catalog": "setup",
	}
	found := map[string]bool{}
	for _, s := range sources(t, texts) {
		if s.Path == "" {
			continue
		}
		folder, known := folders[s.RepoURL+" "+s.Path]
		if !known {
			folder = "product-catalog/" + s.Path
		}
		deploy(t, texts, folder, found)
		for _, file := range s.Helm.ValueFiles {
			found["product-catalog/"+strings.TrimPrefix(file, "$values/")] = true
		}
	}
	return found
}

// deploy adds what a folder leads to: of a kustomization its resources, else all files, which are a chart or plain manifests.
func deploy(t *testing.T, texts map[string]string, folder string, found map[string]bool) {
	t.Helper()
	text, kustomized := texts[folder+"/kustomization.yaml"]
	if !kustomized {
		for file := range texts {
			if strings.HasPrefix(file, folder+"/") {
				found[file] = true
			}
		}
		return
	}
	found[folder+"/kustomization.yaml"] = true
	var kustomization struct{ Resources []string }
	if err := yaml.Unmarshal([]byte(text), &kustomization); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	for _, resource := range kustomization.Resources {
		resource = path.Join(folder, resource)
		if _, file := texts[resource]; file {
			found[resource] = true
		} else {
			deploy(t, texts, resource, found)
		}
	}
}
