package gitrepo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// BenchmarkDeploy compares one edit of one file, from reading the tip to the accepted push, with
// what a script does: git clone --depth 1, edit, commit, push. Both talk to the same server.
//
//	go test -run '^$' -bench Deploy -benchtime 5x ./pkg/gitrepo
func BenchmarkDeploy(b *testing.B) {
	for _, size := range []struct{ files, commits int }{{100, 20}, {5000, 1000}, {50000, 20000}} {
		srv := gittest.Start(b)
		repo := srv.Generate(b, "bench.git", size.files, size.commits)
		name := fmt.Sprintf("%d-files-%d-commits", size.files, size.commits)
		b.Run(name+"/gitrepo", func(b *testing.B) {
			memory := NewMemory(10)
			benchmark(b, srv, func(i int) { benchDeploy(b, repo, Options{AllowHTTP: true, Memory: memory}, i) })
		})
		b.Run(name+"/gitrepo-for-the-first-time", func(b *testing.B) {
			benchmark(b, srv, func(i int) { benchDeploy(b, repo, Options{AllowHTTP: true}, i) })
		})
		b.Run(name+"/script", func(b *testing.B) {
			benchmark(b, srv, func(i int) { benchScript(b, repo, i) })
		})
		repo.Fsck()
	}
}

func benchmark(b *testing.B, srv *gittest.Server, deploy func(int)) {
	deploy(-1) // neither side is to pay for what is cold
	srv.Traffic()
	b.ReportAllocs()
	for i := range b.N {
		deploy(i)
	}
	requests, received, sent := srv.Traffic()
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
	b.ReportMetric(float64(received+sent)/float64(b.N)/1000, "kB-on-the-wire/op")
}

func benchDeploy(b *testing.B, repo *gittest.Repo, o Options, i int) {
	ctx := b.Context()
	r, err := Open(Remote{URL: repo.URL, Branch: "main", Auth: login}, o)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	tip, err := r.Tip(ctx)
	if err != nil {
		b.Fatal(err)
	}
	s, err := r.Snapshot(ctx, tip)
	if err != nil {
		b.Fatal(err)
	}
	data, err := s.ReadFile(ctx, gittest.TargetPath)
	if err != nil {
		b.Fatal(err)
	}
	files := map[string][]byte{gittest.TargetPath: fmt.Appendf(data, "# %d %s\n", i, tip)}
	commit, err := s.Plan(ctx, files, message("Set the tag"))
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Push(ctx, s, commit, files); err != nil {
		b.Fatal(err)
	}
}

func benchScript(b *testing.B, repo *gittest.Repo, i int) {
	dir, err := os.MkdirTemp(b.TempDir(), "clone")
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		b.StopTimer() // a pod would throw its disk away
		os.RemoveAll(dir)
		b.StartTimer()
	}()
	url := strings.Replace(repo.URL, "://", "://"+gittest.User+":"+gittest.Password+"@", 1)
	git := func(args ...string) {
		cmd := exec.CommandContext(b.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	git("clone", "--quiet", "--depth=1", url, ".")
	file, err := os.OpenFile(filepath.Join(dir, gittest.TargetPath), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(file, "# script %d %s\n", i, dir)
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	git("commit", "--quiet", "--all", "--message=Set the tag")
	git("push", "--quiet", "origin", "main")
}
