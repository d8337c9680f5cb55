package gitrepo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// A source repository: main has 12 commits in a row, 0 to 11, with an annotated tag v1 at 4 and a plain one v2
// at 8. The branch release leaves main at 6, with 20 and 21, and the branch old has a history of its own, 30.
func sourceRepo(t *testing.T, srv *gittest.Server) *gittest.Repo {
	t.Helper()
	repo := srv.New(t, "acme/app.git")
	var b strings.Builder
	commit := func(branch string, n int, from string) {
		fmt.Fprintf(&b, "commit refs/heads/%s\nmark :%d\nauthor Ada <ada@example.com> %d +0200\ncommitter Somebody <somebody@example.com> %d +0100\n",
			branch, n+1, 1600000000+n, 1700000000+60*n)
		text := fmt.Sprintf("Change %d\n\nMore about it.", n)
		fmt.Fprintf(&b, "data %d\n%s\n%sM 100644 inline file\ndata 3\n%03d\n", len(text), text, from, n)
	}
	for n := range 12 {
		commit("main", n, "")
	}
	commit("release", 20, "from :7\n")
	commit("release", 21, "")
	commit("old", 30, "")
	repo.Feed(b.String(), "fast-import", "--quiet")
	repo.Git("tag", "-m", "first", "v1", "main~7")
	repo.Git("tag", "v2", "main~3")
	return repo
}

func TestLog(t *testing.T) {
	cases := map[string]struct {
		from, to string // @REV is its full id, @REV:N its first digits
		limit    int
		want     []int // the changes
		more     bool
		diverged bool
		err      error
		words    string
	}{
		"a tag to the tip of the branch":      {from: "v2", want: []int{11, 10, 9}},
		"an annotated tag to a tag":           {from: "v1", to: "v2", want: []int{8, 7, 6, 5}},
		"a branch to a branch":                {from: "main", to: "release", want: []int{21, 20}, diverged: true},
		"the default branch":                  {from: "v2", to: "HEAD", want: []int{11, 10, 9}},
		"a full id to a full id":              {from: "@main~4", to: "@main~2", want: []int{9, 8}},
		"a full id in capitals":               {from: "@main~4^", to: "@main~2", want: []int{9, 8}},
		"abbreviated ids":                     {from: "@main~4:7", to: "@main~2:12", want: []int{9, 8}},
		"an abbreviation in capitals":         {from: "@main~4:9^", to: "v2", want: []int{8}},
		"an abbreviated tip of a branch":      {from: "v1", to: "@release:7", want: []int{21, 20, 6, 5}},
		"an abbreviation below another tip":   {from: "@release~1:7", to: "release", want: []int{21}},
		"an abbreviation and a full id":       {from: "@main~4:7", to: "@main~2", want: []int{9, 8}},
		"an abbreviation and another tip":     {from: "@release~1:7", to: "@release", want: []int{21}},
		"as many as are wanted":               {from: "v1", to: "v2", limit: 4, want: []int{8, 7, 6, 5}},
		"more than are wanted":                {from: "v1", to: "v2", limit: 2, want: []int{8, 7}, more: true},
		"the same":                            {from: "v2", to: "@main~3:8"},
		"back":                                {from: "main", to: "v1", diverged: true},
		"back by ids":                         {from: "@main~1", to: "@main~5:7", diverged: true},
		"histories that have nothing common":  {from: "main", to: "old", want: []int{30}, diverged: true},
		"a tag that is not there":             {from: "v9", err: ErrRevisionNotFound, words: `from "v9": there is no such tag or branch`},
		"a branch that is not there":          {from: "v1", to: "next", err: ErrRevisionNotFound, words: `to "next": there is no such tag or branch`},
		"an abbreviation that is not there":   {from: "1234567", err: ErrRevisionNotFound, words: `from "1234567": it is no tag, no branch and none of the last commits`},
		"an abbreviation to is not there":     {from: "v1", to: "1234567", err: ErrRevisionNotFound, words: `to "1234567"`},
		"an id that is not there":             {from: strings.Repeat("1", 40), err: ErrRevisionNotFound, words: `from "1111111111111111111111111111111111111111": the repository has no such commit`},
		"an id to is not there":               {from: "v1", to: strings.Repeat("1", 40), err: ErrRevisionNotFound, words: `to "1111111111111111111111111111111111111111": `},
		"two ids that are not there":          {from: strings.Repeat("1", 40), to: strings.Repeat("2", 40), err: ErrRevisionNotFound},
		"an id there and an abbreviation not": {from: "1234567", to: "@main~2", err: ErrRevisionNotFound, words: `from "1234567"`},
		"an abbreviation and a false id":      {from: "@main~2:7", to: strings.Repeat("2", 40), err: ErrRevisionNotFound, words: `to "2222222222222222222222222222222222222222"`},
		"a digest":                            {from: "sha256:0123", err: ErrRevisionNotFound, words: `from "sha256:0123": it is neither a name nor a commit id`},
		"what is no name":                     {from: "v1", to: "a..b", err: ErrRevisionNotFound, words: `to "a..b": it is neither a name nor a commit id`},
		"nothing":                             {err: ErrRevisionNotFound, words: `from "": it is neither a name nor a commit id`},
		"an id that is too short":             {from: "@main~4:6", err: ErrRevisionNotFound, words: "there is no such tag or branch"},
	}
	for server, config := range allKinds {
		t.Run(server, func(t *testing.T) {
			repo := sourceRepo(t, gittest.Start(t))
			configure(repo, config)
			for name, c := range cases {
				t.Run(name, func(t *testing.T) {
					got, err := open(t, repo, Options{}).Log(t.Context(), spell(repo, c.from), spell(repo, c.to), c.limit)
					wantError(t, err, c.err)
					if err != nil {
						if !strings.Contains(err.Error(), c.words) {
							t.Errorf("error is %v, want %q in it", err, c.words)
						}
						return
					}
					var want []LogEntry
					for _, n := range c.want {
						id := repo.Git("log", "--all", "--format=%H", fmt.Sprintf("--grep=^Change %d$", n))
						want = append(want, LogEntry{ID: id, Subject: fmt.Sprintf("Change %d", n), Author: "Ada", When: time.Unix(1600000000+int64(n), 0).UTC()})
					}
					to := c.to
					if to == "" {
						to = "main"
					}
					l := Log{From: resolved(repo, c.from), To: resolved(repo, to), Commits: want, More: c.more, Diverged: c.diverged}
					if diff := cmp.Diff(l, got); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}

// spell makes of @REV, @REV:N and @REV^ what is meant.
func spell(repo *gittest.Repo, text string) string {
	rev, ok := strings.CutPrefix(text, "@")
	if !ok {
		return text
	}
	rev, capitals := strings.CutSuffix(rev, "^")
	rev, digits, short := strings.Cut(rev, ":")
	id := repo.Git("rev-parse", rev)
	if short {
		n := 0
		_, _ = fmt.Sscan(digits, &n)
		id = id[:n]
	}
	if capitals {
		id = strings.ToUpper(id)
	}
	return id
}

func resolved(repo *gittest.Repo, text string) string {
	return repo.Git("rev-parse", spell(repo, strings.TrimSuffix(text, "^"))+"^{commit}")
}

func TestLogOverSSH(t *testing.T) {
	srv := gittest.Start(t)
	repo := sourceRepo(t, srv)
	host := srv.StartSSH(t)
	for server, config := range allKinds {
		t.Run(server, func(t *testing.T) {
			configure(repo, []string{"uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true"})
			configure(repo, config)
			r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
			for range 2 {
				got, err := r.Log(t.Context(), spell(repo, "@main~4:7"), resolved(repo, "main~2"), 0)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{resolved(repo, "main~2"), resolved(repo, "main~3")}, ids(got)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func ids(l Log) []string {
	var ids []string
	for _, c := range l.Commits {
		ids = append(ids, c.ID)
	}
	return ids
}

// Whatever the history looks like, the list is that of git log.
func TestLogIsGits(t *testing.T) {
	srv := gittest.Start(t)
	repos := 0
	rapid.Check(t, func(rt *rapid.T) {
		repos++
		repo := srv.New(t, fmt.Sprintf("random-%d.git", repos))
		var b strings.Builder
		when, count := 1700000000, rapid.IntRange(2, 25).Draw(rt, "commits")
		for i := range count {
			when += rapid.IntRange(0, 2).Draw(rt, "later")
			fmt.Fprintf(&b, "reset refs/heads/c%d\ncommit refs/heads/c%d\nmark :%d\ncommitter Somebody <somebody@example.com> %d +0000\ndata 5\nwork\n", i, i, i+1, when)
			if i > 0 {
				parents := rapid.SliceOfNDistinct(rapid.IntRange(max(1, i-5), i), 0, min(3, i), rapid.ID).Draw(rt, "parents")
				for j, p := range parents {
					fmt.Fprintf(&b, "%s :%d\n", []string{"from", "merge", "merge"}[j], p)
				}
			}
			fmt.Fprintf(&b, "M 100644 inline file\ndata <<END\n%d\nEND\n\n", i)
		}
		repo.Feed(b.String(), "fast-import", "--quiet")
		configure(repo, rapid.SampledFrom([][]string{nil, {"uploadpack.allowFilter=false"}}).Draw(rt, "config"))
		r := open(t, repo, Options{})
		defer r.Close()
		from := fmt.Sprintf("c%d", rapid.IntRange(0, count-1).Draw(rt, "from"))
		to := fmt.Sprintf("c%d", rapid.IntRange(0, count-1).Draw(rt, "to"))
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")

		got, err := r.Log(t.Context(), from, to, limit)
		if err != nil {
			rt.Fatal(err)
		}
		all := strings.Fields(repo.Git("log", "--format=%H", from+".."+to))
		behind := repo.Git("rev-list", "--count", to+".."+from) != "0"
		want := Log{From: repo.Git("rev-parse", from), To: repo.Git("rev-parse", to), More: len(all) > limit, Diverged: behind}
		if diff := cmp.Diff(slices.Clip(all[:min(limit, len(all))]), append([]string{}, ids(got)...)); diff != "" {
			rt.Fatal(diff)
		}
		got.Commits = nil
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestLogOfALongHistory(t *testing.T) {
	srv := gittest.Start(t)
	repo := srv.Generate(t, "history.git", 430, 2500)
	cases := map[string]struct {
		from, filter string
		limit        int
		count        int
		more         bool
		err          error
	}{
		"far back":                            {from: "@main~1900", filter: "true", count: MaxLog, more: true},
		"beyond what is fetched":              {from: "@main~2400", filter: "true", count: MaxLog, more: true},
		"just as many":                        {from: "@main~250", filter: "true", count: MaxLog},
		"one more":                            {from: "@main~251", filter: "true", count: MaxLog, more: true},
		"just as many, with files":            {from: "@main~250", filter: "false", count: MaxLog},
		"one more, with files":                {from: "@main~251", filter: "false", count: MaxLog, more: true},
		"far more, with files":                {from: "@main~1900", filter: "false", limit: 3, count: 3, more: true},
		"an abbreviation far back":            {from: "@main~1900:12", filter: "true", limit: 1, count: 1, more: true},
		"an abbreviation too far back":        {from: "@main~2400:12", filter: "true", err: ErrRevisionNotFound},
		"an abbreviation, with files":         {from: "@main~100:12", filter: "false", count: 100},
		"an abbreviation too far, with files": {from: "@main~300:12", filter: "false", err: ErrRevisionNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			configure(repo, []string{"uploadpack.allowFilter=" + c.filter})
			got, err := open(t, repo, Options{}).Log(t.Context(), spell(repo, c.from), "", c.limit)
			wantError(t, err, c.err)
			if diff := cmp.Diff([]any{c.count, c.more, false}, []any{len(got.Commits), got.More, got.Diverged}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLogBounds(t *testing.T) {
	repo := sourceRepo(t, gittest.Start(t))
	repo.Commit(map[string]gittest.File{"large": {Data: strings.Repeat("0123456789abcdef", 1<<14)}})
	configure(repo, []string{"uploadpack.allowFilter=false"})
	r := open(t, repo, Options{MaxTotalBytes: 1 << 17})
	_, err := r.Log(t.Context(), "v1", "", 0)
	wantError(t, err, ErrTooLarge)
	configure(repo, []string{"uploadpack.allowFilter=true"})
	l, err := open(t, repo, Options{MaxTotalBytes: 1 << 17}).Log(t.Context(), "v1", "", 0)
	if err != nil || len(l.Commits) != 8 {
		t.Errorf("%d commits, %v", len(l.Commits), err)
	}
}

func TestLogWithoutTheBranch(t *testing.T) {
	srv := gittest.Start(t)
	repo := sourceRepo(t, srv)
	repo.Git("branch", "-m", "main", "trunk")
	repo.Git("symbolic-ref", "HEAD", "refs/heads/trunk")
	r := open(t, repo, Options{})
	got, err := r.Log(t.Context(), spell(repo, "@trunk~2:7"), "HEAD", 0)
	if err != nil || len(got.Commits) != 2 {
		t.Errorf("%d commits, %v", len(got.Commits), err)
	}
	_, err = r.Log(t.Context(), "v1", "", 0)
	wantError(t, err, ErrBranchNotFound)
	repo.Git("symbolic-ref", "HEAD", "refs/heads/nothing")
	_, err = open(t, repo, Options{}).Log(t.Context(), "1234567", "7654321", 0)
	wantError(t, err, ErrBranchNotFound)
	_, err = open(t, srv.New(t, "empty.git"), Options{}).Log(t.Context(), "v1", "", 0)
	wantError(t, err, ErrEmpty)
}

// Names go before ids, tags before branches.
func TestLogOfAmbiguousNames(t *testing.T) {
	repo := sourceRepo(t, gittest.Start(t))
	repo.Git("branch", "v1", "main~1")
	repo.Git("branch", "1234567", "main~2")
	// A short prefix that two commits share, which git itself would not print.
	one, two := twins(repo.Git("rev-parse", "main^{tree}"), repo.Git("rev-parse", "main"))
	repo.Feed(one, "hash-object", "-t", "commit", "-w", "--stdin")
	id := plumbing.ComputeHash(plumbing.CommitObject, []byte(two)).String()
	repo.Feed(two, "hash-object", "-t", "commit", "-w", "--stdin")
	repo.Git("update-ref", "refs/heads/main", id)
	repo.Git("update-ref", "refs/heads/one", plumbing.ComputeHash(plumbing.CommitObject, []byte(one)).String())
	repo.Git("tag", "tree", "main^{tree}")
	repo.Git("tag", "-m", "x", "blob", "main:file")
	cases := map[string]struct {
		from, to string
		count    int
		err      error
		words    string
	}{
		"a tag and a branch":   {from: "v1", to: "v2", count: 4},
		"a branch like an id":  {from: "v2", to: "1234567", count: 1},
		"two commits":          {from: "v2", to: id[:7], err: ErrRevisionNotFound, words: "several commits begin with that, write more digits"},
		"one of them":          {from: "v2", to: id[:20], count: 4},
		"a tag of a directory": {from: "v2", to: "tree", err: ErrRevisionNotFound, words: "is a tree, not a commit"},
		"a tag of a file":      {from: "v2", to: "blob", err: ErrRevisionNotFound, words: "is a blob, not a commit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := open(t, repo, Options{}).Log(t.Context(), c.from, c.to, 0)
			wantError(t, err, c.err)
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
			if diff := cmp.Diff(c.count, len(got.Commits)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// twins are two commits whose ids begin alike. Of 28 bits there is a pair after some 20,000 tries.
func twins(tree, parent string) (one, two string) {
	known := map[string]string{}
	for i := 0; ; i++ {
		text := fmt.Sprintf("tree %s\nparent %s\nauthor A <a@example.com> 1800000000 +0000\ncommitter A <a@example.com> 1800000000 +0000\n\n%d\n", tree, parent, i)
		prefix := plumbing.ComputeHash(plumbing.CommitObject, []byte(text)).String()[:7]
		if other, ok := known[prefix]; ok {
			return other, text
		}
		known[prefix] = text
	}
}

func TestEntriesAreFitToBeShown(t *testing.T) {
	head := func(author string) string {
		return "tree 1\nauthor " + author + "\ncommitter A <a@example.com> 5 +0000\nencoding ISO-8859-1\n"
	}
	long := strings.Repeat("x", 3000)
	cases := map[string]struct {
		in   string
		want LogEntry
	}{
		"subject of two lines":     {head("Ada <a@example.com> 7 +0200") + "\nOne\ntwo\n\nthree", LogEntry{Subject: "One two", Author: "Ada", When: time.Unix(7, 0).UTC()}},
		"control characters":       {head("A\x1b[31mda\u202e <a@example.com> 7 +0200") + "\n\n\n\x1b[2J\tOne\r\ntwo\x00", LogEntry{Subject: "[2J One two", Author: "A[31mda", When: time.Unix(7, 0).UTC()}},
		"without bound":            {head(long+" <a@example.com> 7 +0200") + "\n" + long, LogEntry{Subject: long[:maxSubject] + "…", Author: long[:maxAuthor] + "…", When: time.Unix(7, 0).UTC()}},
		"latin-1":                  {head("J\xf6rg <a@example.com> 7 +0200") + "\nGr\xfc\xdfe", LogEntry{Subject: "Gre", Author: "Jrg", When: time.Unix(7, 0).UTC()}},
		"no text":                  {head("Ada <a@example.com> 7 +0200"), LogEntry{Author: "Ada", When: time.Unix(7, 0).UTC()}},
		"an author without a time": {head("Ada") + "\nOne", LogEntry{Subject: "One", Author: "Ada", When: time.Time{}.UTC()}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.want.ID = plumbing.ZeroHash.String()
			if diff := cmp.Diff(c.want, readEntry(plumbing.ZeroHash, []byte(c.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
