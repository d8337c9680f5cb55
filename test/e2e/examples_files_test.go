package e2e

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
// applied there, and what lies deeper is the sample's repository; one of a story is in a command that TestStories runs, or is
// applied by the application of the setup. What is none of these would be tested by nobody.
func TestEveryExampleIsRun(t *testing.T) {
	t.Parallel()
	texts, table := exampleTexts(t), examples()
	commands := strings.Join(commandBlocks(texts["README.md"]), "")
	for file := range texts {
		folder, name := path.Dir(file), path.Base(file)
		run := false
		switch {
		case path.Ext(file) == ".md":
			run = folder == "."
		case folder == ".":
			_, run = table[name]
		case folder == "product-catalog" || strings.HasPrefix(folder, "product-catalog/"):
			run = true
		default:
			run = strings.Contains(commands, "examples/"+file) || name == "kustomization.yaml" ||
				strings.Contains(texts[folder+"/kustomization.yaml"], "\n- "+name+"\n")
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
