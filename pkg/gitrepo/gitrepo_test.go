package gitrepo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

const devFile = "overlays/dev/kustomization.yaml"

var (
	login = Auth{Username: gittest.User, Password: gittest.Password}
	robot = Person{Name: "Pipeline", Email: "pipeline@example.com"}
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// sample has every kind of entry, and a name that sorts between a directory's name and its slash.
func sample() map[string]gittest.File {
	return map[string]gittest.File{
		"README.md":                   {Data: "# Catalog\n"},
		"base/deployment.yaml":        {Data: "kind: Deployment\n"},
		"base.yaml":                   {Data: "a: 1\n"},
		"overlays/dev":                {Data: ""}, // replaced by the directory below
		devFile:                       {Data: "images:\n- name: app\n  newTag: v1\n"},
		"overlays/test/kustomization": {Data: "images:\n- name: app\n  newTag: v1\n"},
		"bin/run.sh":                  {Mode: "100755", Data: "#!/bin/sh\n"},
		"link.yaml":                   {Mode: "120000", Data: "../../etc/passwd"},
		"linked":                      {Mode: "120000", Data: "overlays/dev"},
		"module":                      {Mode: "160000", Data: "1234567890123456789012345678901234567890"},
	}
}

func sampleRepo(t *testing.T, s *gittest.Server) *gittest.Repo {
	t.Helper()
	repo := s.New(t, "acme/catalog.git")
	files := sample()
	delete(files, "overlays/dev")
	repo.Commit(files)
	return repo
}

func open(t *testing.T, repo *gittest.Repo, o Options) *Repository {
	t.Helper()
	o.AllowHTTP = true
	r, err := Open(Remote{URL: repo.URL, Branch: "main", Auth: login}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func snapshot(t *testing.T, r *Repository) *Snapshot {
	t.Helper()
	tip, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Snapshot(t.Context(), tip)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plan is a commit that gives devFile other content, on the tip of main.
func plan(t *testing.T, r *Repository, data string) (*Snapshot, Commit, map[string][]byte) {
	t.Helper()
	s := snapshot(t, r)
	files := map[string][]byte{devFile: []byte(data)}
	commit, err := s.Plan(t.Context(), files, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	return s, commit, files
}

func message(text string) Message {
	return Message{Author: robot, Committer: robot, When: noon, Text: text}
}

// wantError checks the kind of an error and that it has no secret in it.
func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
	if got != nil {
		noSecret(t, got.Error())
	}
}

func noSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{gittest.Password, gittest.ReadOnly, "inl1ne-s3cret", "cGlwZWxpbmU6"} {
		if strings.Contains(text, secret) {
			t.Errorf("secret in %q", text)
		}
	}
}

// The same deploy on every kind of server, from reading to the sound result.
func TestDeployOneTag(t *testing.T) {
	cases := map[string]struct {
		config   []string // of the server's repository
		walk     bool     // fetch trees one by one
		requests int64    // for all of it
	}{
		"server with partial fetch":             {requests: 4},
		"trees one by one":                      {walk: true, requests: 7},
		"server without filter":                 {config: []string{"uploadpack.allowFilter=false"}, requests: 3},
		"server without objects by id":          {config: []string{"uploadpack.allowAnySHA1InWant=false"}, requests: 3},
		"server without both":                   {config: []string{"uploadpack.allowFilter=false", "uploadpack.allowAnySHA1InWant=false"}, requests: 3},
		"server that refuses filters it offers": {config: []string{"uploadpackfilter.allow=false"}, requests: 5},
		"server with reachable objects by id": {config: []string{
			"uploadpack.allowAnySHA1InWant=false", "uploadpack.allowReachableSHA1InWant=true"}, requests: 4},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			for _, kv := range c.config {
				key, value, _ := strings.Cut(kv, "=")
				repo.Git("config", key, value)
			}
			r := open(t, repo, Options{})
			r.bigTrees = c.walk
			commit := pushOneTag(t, r)
			requests, _, _ := srv.Traffic()
			if requests != c.requests {
				t.Errorf("%d requests, want %d", requests, c.requests)
			}
			if diff := cmp.Diff(commit.ID, repo.Git("rev-parse", "main")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff("M\t"+devFile, repo.Git("diff", "--name-status", commit.Parent, commit.ID)); diff != "" {
				t.Error(diff)
			}
			repo.Fsck()
		})
	}
}

func pushOneTag(t *testing.T, r *Repository) Commit {
	t.Helper()
	s := snapshot(t, r)
	before, err := s.ReadFile(t.Context(), devFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample()[devFile].Data, string(before)); diff != "" {
		t.Error(diff)
	}
	files := map[string][]byte{devFile: []byte(strings.Replace(string(before), "v1", "v2", 1))}
	commit, err := s.Plan(t.Context(), files, message("Set app to v2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), s, commit, files); err != nil {
		t.Fatal(err)
	}
	return commit
}

// An administrator forbids objects by id while a run is between its requests.
func TestFileByIDRefusedLater(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	s := snapshot(t, open(t, repo, Options{}))
	repo.Git("config", "uploadpack.allowAnySHA1InWant", "false")
	got, err := s.ReadFile(t.Context(), devFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample()[devFile].Data, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestCommitSaysWhatWasPlanned(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	r := open(t, repo, Options{})
	s := snapshot(t, r)
	files := map[string][]byte{devFile: []byte("x: 1\n"), "bin/run.sh": []byte("#!/bin/sh\nexit 0\n")}
	commit, err := s.Plan(t.Context(), files, Message{
		Author: Person{"Ada", "ada@example.com"}, Committer: robot, When: noon,
		Text: "Set app to v2\n\nTekton-CustomRun: ci/deploy\n\n\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), s, commit, files); err != nil {
		t.Fatal(err)
	}
	want := "Ada <ada@example.com> 1772366400 Pipeline <pipeline@example.com> 1772366400\nSet app to v2\n\nTekton-CustomRun: ci/deploy\n"
	if diff := cmp.Diff(want, repo.Git("log", "-1", "--format=%an <%ae> %at %cn <%ce> %ct%n%B", "main")); diff != "" {
		t.Error(diff)
	}
	// Modes of the edited files and of all others stay.
	want = repo.Git("ls-tree", "-r", "--format=%(objectmode) %(path)", commit.Parent)
	if diff := cmp.Diff(want, repo.Git("ls-tree", "-r", "--format=%(objectmode) %(path)", "main")); diff != "" {
		t.Error(diff)
	}
	again, err := s.Plan(t.Context(), files, Message{Author: Person{"Ada", "ada@example.com"}, Committer: robot, When: noon,
		Text: "Set app to v2\n\nTekton-CustomRun: ci/deploy"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(commit, again); diff != "" {
		t.Errorf("a second plan differs: %s", diff)
	}
	repo.Fsck()
}

func TestPlanNeverGoesBehindTheParentsTime(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t)) // its commit is of 1700000000
	s := snapshot(t, open(t, repo, Options{}))
	m := message("x")
	m.When = time.Unix(1600000000, 0)
	commit, err := s.Plan(t.Context(), map[string][]byte{devFile: nil}, m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(time.Unix(1700000000, 0), readHeader(commit.Encoded).time); diff != "" {
		t.Error(diff)
	}
}

func TestPlanRefuses(t *testing.T) {
	s := snapshot(t, open(t, sampleRepo(t, gittest.Start(t)), Options{MaxObjectBytes: 1000}))
	cases := map[string]struct {
		path, data, name, text string
		want                   error
	}{
		"content that is there already": {path: devFile, data: sample()[devFile].Data, want: ErrNoChange},
		"a file that does not exist":    {path: "overlays/prod/kustomization.yaml", want: ErrFileNotFound},
		"a directory":                   {path: "overlays", want: ErrPath},
		"a symbolic link":               {path: "link.yaml", want: ErrPath},
		"a submodule":                   {path: "module", want: ErrPath},
		"a path through a link":         {path: "linked/kustomization.yaml", want: ErrPath},
		"a file above the limit":        {path: devFile, data: strings.Repeat("x", 1001), want: ErrTooLarge},
		"a commit above 8 KiB":          {path: devFile, text: strings.Repeat("x", 8192), want: ErrTooLarge},
		"an author with a line break":   {path: devFile, name: "a\ntree 0", want: ErrMessage},
		"an author without a name":      {path: devFile, name: " ", want: ErrMessage},
		"an empty text":                 {path: devFile, text: "\n", want: ErrMessage},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := message("x")
			if c.name != "" {
				m.Author.Name = c.name
			}
			if c.text != "" {
				m.Text = c.text
			}
			_, err := s.Plan(t.Context(), map[string][]byte{c.path: []byte(c.data)}, m)
			wantError(t, err, c.want)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	repo.Commit(map[string]gittest.File{"large.bin": {Data: strings.Repeat("x", 2000)}})
	cases := map[string]error{
		"../catalog/README.md":               ErrPath,
		"base/../README.md":                  ErrPath,
		"/README.md":                         ErrPath,
		"":                                   ErrPath,
		"overlays":                           ErrPath,
		"link.yaml":                          ErrPath,
		"linked/kustomization.yaml":          ErrPath,
		"module":                             ErrPath,
		"module/README.md":                   ErrPath,
		"README.md/x":                        ErrPath,
		"a\x00b":                             ErrPath,
		"nothing.yaml":                       ErrFileNotFound,
		"overlays/prod/x.yaml":               ErrFileNotFound,
		"large.bin":                          ErrTooLarge,
		"README.md":                          nil,
		"./overlays//dev/kustomization.yaml": nil,
	}
	for _, filter := range []string{"true", "false"} {
		repo.Git("config", "uploadpack.allowFilter", filter)
		s := snapshot(t, open(t, repo, Options{MaxObjectBytes: 1000}))
		for path, want := range cases {
			_, err := s.ReadFile(t.Context(), path)
			if !errors.Is(err, want) {
				t.Errorf("filter %s: ReadFile(%q) is %v, want %v", filter, path, err, want)
			}
		}
	}
}

func TestList(t *testing.T) {
	s := snapshot(t, open(t, sampleRepo(t, gittest.Start(t)), Options{}))
	cases := map[string]struct {
		dir  string
		want []Entry
		err  error
	}{
		"the root": {dir: ".", want: []Entry{{"README.md", File}, {"base.yaml", File}, {"base", Directory}, {"bin", Directory},
			{"link.yaml", Symlink}, {"linked", Symlink}, {"module", Submodule}, {"overlays", Directory}}},
		"a directory": {dir: "overlays/dev/", want: []Entry{{"kustomization.yaml", File}}},
		"a file":      {dir: "README.md", err: ErrPath},
		"a link":      {dir: "linked", err: ErrPath},
		"above":       {dir: "..", err: ErrPath},
		"what is not": {dir: "nothing", err: ErrFileNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := s.List(t.Context(), c.dir)
			wantError(t, err, c.err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	cases := map[string]struct {
		remote Remote
		want   error
	}{
		"plain http":           {Remote{URL: "http://git.example.com/a/b", Branch: "main"}, ErrURL},
		"a file":               {Remote{URL: "file:///etc", Branch: "main"}, ErrURL},
		"a path alone":         {Remote{URL: "/srv/git/a.git", Branch: "main"}, ErrURL},
		"ssh without a user":   {Remote{URL: "git.example.com:a/b.git", Branch: "main"}, ErrURL},
		"ssh and a password":   {Remote{URL: "ssh://git:inl1ne-s3cret@git.example.com/a/b.git", Branch: "main"}, ErrURL},
		"ssh without a path":   {Remote{URL: "ssh://git@git.example.com", Branch: "main"}, ErrURL},
		"an option as a path":  {Remote{URL: "git@git.example.com:--upload-pack=x", Branch: "main"}, ErrURL},
		"an option below /":    {Remote{URL: "ssh://git@git.example.com/-x", Branch: "main"}, ErrURL},
		"a path of two lines":  {Remote{URL: "ssh://git@git.example.com/a%0Ab", Branch: "main"}, ErrURL},
		"a good one for ssh":   {Remote{URL: "ssh://git@git.example.com:2222/a/b.git", Branch: "main"}, nil},
		"a good one for scp":   {Remote{URL: "git@git.example.com:a/b.git", Branch: "main"}, nil},
		"a password in it":     {Remote{URL: "https://me:inl1ne-s3cret@git.example.com/a/b", Branch: "main"}, ErrURL},
		"nonsense":             {Remote{URL: "https://me:inl1ne-s3cret@[::1/a", Branch: "main"}, ErrURL},
		"no path":              {Remote{URL: "https://git.example.com/", Branch: "main"}, ErrURL},
		"a query":              {Remote{URL: "https://git.example.com/a?token=inl1ne-s3cret", Branch: "main"}, ErrURL},
		"no branch":            {Remote{URL: "https://git.example.com/a/b"}, ErrURL},
		"a full reference":     {Remote{URL: "https://git.example.com/a/b", Branch: "refs/heads/main"}, ErrURL},
		"a branch with spaces": {Remote{URL: "https://git.example.com/a/b", Branch: "ma in"}, ErrURL},
		"a CA without any":     {Remote{URL: "https://git.example.com/a/b", Branch: "main", CA: []byte("x")}, ErrCertificate},
		"a good one":           {Remote{URL: "https://git.example.com/a/b.git/", Branch: "release/1.x"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Open(c.remote, Options{})
			wantError(t, err, c.want)
		})
	}
}

func TestDeadlineIsKept(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	srv.Intercept(stall)
	_, err := open(t, repo, Options{Timeout: 50 * time.Millisecond}).Tip(t.Context())
	wantError(t, err, context.DeadlineExceeded)
}
