package gitrepo

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// Whatever the tree looks like, only the files that were asked for differ.
func TestOnlyTheEditedFilesDiffer(t *testing.T) {
	srv := gittest.Start(t)
	repos := 0
	rapid.Check(t, func(rt *rapid.T) {
		repos++
		repo := srv.New(t, fmt.Sprintf("random-%d.git", repos))
		name := rapid.StringMatching(`[a-cA-C.\-_ äö0]{1,4}`).Filter(func(s string) bool { return strings.Trim(s, ". ") == s })
		files := map[string]gittest.File{}
		var paths []string
		for range rapid.IntRange(1, 12).Draw(rt, "files") {
			parts := rapid.SliceOfN(name, 1, 5).Draw(rt, "path")
			path := strings.Join(parts, "/")
			if slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(path+"/", p+"/") || strings.HasPrefix(p+"/", path+"/") }) {
				continue
			}
			paths = append(paths, path)
			files[path] = gittest.File{
				Mode: rapid.SampledFrom([]string{"100644", "100755"}).Draw(rt, "mode"),
				Data: rapid.StringN(0, 50, -1).Draw(rt, "data"),
			}
		}
		repo.Commit(files)
		r := open(t, repo, Options{})
		defer r.Close()
		r.bigTrees = rapid.Bool().Draw(rt, "one by one")
		edits := map[string][]byte{}
		for _, path := range rapid.SliceOfNDistinct(rapid.SampledFrom(paths), 1, min(3, len(paths)), rapid.ID).Draw(rt, "edits") {
			edits[path] = []byte(files[path].Data + "#edited")
		}
		s := snapshot(t, r)
		commit, err := s.Plan(t.Context(), edits, message("edit"))
		if err != nil {
			rt.Fatal(err)
		}
		if err := r.Push(t.Context(), s, commit, edits); err != nil {
			rt.Fatal(err)
		}
		var want []string
		for path := range edits {
			want = append(want, "M\t"+path)
		}
		slices.Sort(want)
		got := strings.FieldsFunc(repo.Git("-c", "core.quotePath=false", "diff", "--raw", "-z", "--name-status", commit.Parent, "main"), func(c rune) bool { return c == 0 })
		var lines []string
		for i := 0; i+1 < len(got); i += 2 {
			lines = append(lines, got[i]+"\t"+got[i+1])
		}
		slices.Sort(lines)
		if diff := cmp.Diff(want, lines); diff != "" {
			rt.Fatal(diff)
		}
		for path, data := range edits {
			if diff := cmp.Diff(string(data), repo.Git("cat-file", "blob", "main:"+path)); diff != "" {
				rt.Fatal(diff)
			}
		}
		repo.Fsck()
	})
}
