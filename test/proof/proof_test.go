package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// The table itself: its form, and that each test function exists. That they ran and passed is for make test.
func TestScenariosNameTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	file, err := os.Open(filepath.Join(root, "test", "scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, problems, err := readTable(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		problems = append(problems, r.misplaced()...)
	}
	absent, err := unknown(root, rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(append(problems, complete(rows, sections)...), absent...) {
		t.Error(p)
	}
}

const head = "# Scenarios\n\n## Git\n\n| id | case | expected | level | tests |\n| --- | --- | --- | --- | --- |\n"

func TestReadTable(t *testing.T) {
	a, b := test{"pkg/gitrepo", "TestTip"}, test{"test/e2e", "TestPushRace/a_|_b"}
	for name, c := range map[string]struct {
		text     string
		rows     []row
		problems []string
	}{
		"a row with two tests": {
			head + "| G1 | branch moves | one commit | G C | `pkg/gitrepo TestTip`<br>`test/e2e TestPushRace/a \\| b` |\n",
			[]row{{id: "G1", section: "Git", levels: "GC", tests: []test{a, b}, text: "branch moves", outcome: "one commit"}}, nil,
		},
		"a row without a test": {
			head + "| G1 | branch moves | one commit | G | |\n",
			[]row{{id: "G1", section: "Git", levels: "G", text: "branch moves", outcome: "one commit"}}, nil,
		},
		"other text and headings": {"# A\n\n## Levels\n\nSome | text.\n", nil, nil},
		"too few cells":           {head + "| G1 | a | b | `pkg/gitrepo TestTip` |\n", nil, []string{`line 7: 4 cells, want 5: a bar inside a cell is written \|`}},
		"a heading without rows": {
			"## Weather\n" + "| G1 | a | b | G | |\n", nil,
			[]string{`line 2: G1 is below the heading "Weather", which has no table`},
		},
		"an id of another section": {
			head + "| M1 | a | b | G | |\n", nil,
			[]string{`line 7: unknown id "M1": below Git ids are G1, G2a, G2b`},
		},
		"an id that is none": {
			head + "| G01 | a | b | G | |\n", nil,
			[]string{`line 7: unknown id "G01": below Git ids are G1, G2a, G2b`},
		},
		"an unknown level": {
			head + "| G1 | a | b | X | |\n",
			[]row{{id: "G1", section: "Git", levels: "X", text: "a", outcome: "b"}},
			[]string{`line 7: G1: level "X": write P, G, S, H or C, or several with blanks between them`},
		},
		"nothing expected": {
			head + "| G1 | a | | G | |\n",
			[]row{{id: "G1", section: "Git", levels: "G", text: "a"}},
			[]string{"line 7: G1: case and expected must not be empty"},
		},
		"a test twice": {
			head + "| G1 | a | b | G | `pkg/gitrepo TestTip` `pkg/gitrepo TestTip` |\n",
			[]row{{id: "G1", section: "Git", levels: "G", tests: []test{a, a}, text: "a", outcome: "b"}},
			[]string{"line 7: G1: names pkg/gitrepo TestTip twice"},
		},
		"a test without its package": {
			head + "| G1 | a | b | G | `TestTip` |\n",
			[]row{{id: "G1", section: "Git", levels: "G", text: "a", outcome: "b"}},
			[]string{"line 7: G1: tests are written `folder TestName/subtest`, with <br> between them; this is no test: `TestTip`"},
		},
		"an id twice": {
			head + "| G1 | a | b | G | |\n| G1 | a | b | G | |\n",
			[]row{{id: "G1", section: "Git", levels: "G", text: "a", outcome: "b"}, {id: "G1", section: "Git", levels: "G", text: "a", outcome: "b"}},
			[]string{`G1: follows "G1": ids go on without gaps, and none is there twice`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows, problems, err := readTable(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.rows, rows, cmp.AllowUnexported(row{}, test{})); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFollows(t *testing.T) {
	for _, c := range []struct {
		before, id string
		want       bool
	}{
		{"", "A1", true}, {"", "A1a", true}, {"A1", "A2", true}, {"A1", "A2a", true}, {"A2a", "A2b", true}, {"A2b", "A3", true}, {"A9", "A10", true},
		{"", "A2", false}, {"", "A1b", false}, {"A1", "A1", false}, {"A1", "A1a", false}, {"A1a", "A1a", false}, {"A1a", "A1c", false},
		{"A1", "A3", false}, {"A1", "A2b", false}, {"A2", "A1", false}, {"A2b", "A2a", false},
	} {
		if got := follows(c.before, c.id); got != c.want {
			t.Errorf("%q follows %q: %t, want %t", c.id, c.before, got, c.want)
		}
	}
}

func TestComplete(t *testing.T) {
	rows := []row{{id: "G1", section: "Git"}, {id: "G2a", section: "Git"}, {id: "G2b", section: "Git"}, {id: "L1", section: "Lock"}}
	got := complete(rows, []section{{"Git", "G", 2}, {"Lock", "L", 2}, {"Process", "X", 1}})
	if diff := cmp.Diff([]string{"Lock ends with L1, want at least L2", "Process ends with X0, want at least X1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// events are what gotestsum writes for a run.
const (
	unitRun = `{"Action":"pass","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestTip/a_branch"}
{"Action":"pass","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestTip"}
{"Action":"skip","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestLong"}
{"Action":"skip","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestAll/one"}
{"Action":"pass","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestAll"}
{"Action":"run","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestPanics"}
{"Action":"fail","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestPush"}
{"Action":"fail","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"}
`
	longRun = `{"Action":"pass","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestLong"}
{"Action":"pass","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestPush"}
`
)

func TestOutcomes(t *testing.T) {
	done, err := readResults(fstest.MapFS{"unit.json": {Data: []byte(unitRun)}, "long.json": {Data: []byte(longRun)}, "notes.txt": {Data: []byte("{")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		test string
		want outcome
	}{
		"passed, with a subtest":                {"TestTip", passed},
		"a subtest":                             {"TestTip/a_branch", passed},
		"a subtest that is not there":           {"TestTip/another", absent},
		"skipped in one run, passed in another": {"TestLong", passed},
		"failed in one run, passed in another":  {"TestPush", failed},
		"all subtests skipped":                  {"TestAll", skipped},
		"begun, and never ended":                {"TestPanics", absent},
		"of another package by that name":       {"TestNowhere", absent},
	} {
		t.Run(name, func(t *testing.T) {
			if got := done.of(test{"pkg/gitrepo", c.test}); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestResultsThatCannotBeRead(t *testing.T) {
	for name, dir := range map[string]fstest.MapFS{
		"no file":  {},
		"cut off":  {"unit.json": {Data: []byte(unitRun[:40])}},
		"not JSON": {"unit.json": {Data: []byte("ok  \tpkg/gitrepo")}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readResults(dir); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestUnproven(t *testing.T) {
	done := results{{"pkg/gitrepo", "TestTip"}: passed, {"pkg/gitrepo", "TestLong"}: skipped, {"pkg/gitrepo", "TestPush"}: failed, {"test/e2e", "TestRace"}: passed}
	tip, race := test{"pkg/gitrepo", "TestTip"}, test{"test/e2e", "TestRace"}
	for name, c := range map[string]struct {
		row  row
		want []string
	}{
		"passed":                      {row{id: "G1", levels: "G", tests: []test{tip}}, nil},
		"passed at both levels":       {row{id: "G1", levels: "GC", tests: []test{tip, race}}, nil},
		"no test":                     {row{id: "G1", text: "branch moves", levels: "G"}, []string{"G1 (branch moves): has no test"}},
		"did not run":                 {row{id: "G1", levels: "G", tests: []test{tip, {"pkg/gitrepo", "TestGone"}}}, []string{"G1: pkg/gitrepo TestGone did not run, or did not come to an end"}},
		"skipped":                     {row{id: "G1", levels: "G", tests: []test{{"pkg/gitrepo", "TestLong"}}}, []string{"G1: pkg/gitrepo TestLong was skipped"}},
		"failed":                      {row{id: "G1", levels: "G", tests: []test{{"pkg/gitrepo", "TestPush"}}}, []string{"G1: pkg/gitrepo TestPush failed"}},
		"no test on a control plane":  {row{id: "G1", levels: "GC", tests: []test{tip}}, []string{"G1: none of its tests is of level C"}},
		"in a package without levels": {row{id: "G1", levels: "G", tests: []test{{"cmd/controller", "TestMain"}}}, []string{"G1: cmd/controller TestMain did not run, or did not come to an end", "G1: none of its tests is of level G"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, leftOut := c.row.unproven(done, nil)
			if diff := cmp.Diff(c.want, got); diff != "" || len(leftOut) > 0 {
				t.Errorf("left out %v (-want +got):\n%s", leftOut, diff)
			}
		})
	}
}

// Where a program is missing, only what was skipped is excused.
func TestUnprovenForWantOfAProgram(t *testing.T) {
	done := results{{"pkg/gitrepo", "TestLong"}: skipped, {"pkg/gitrepo", "TestPush"}: failed}
	r := row{id: "G1", levels: "G", tests: []test{{"pkg/gitrepo", "TestLong"}, {"pkg/gitrepo", "TestPush"}, {"pkg/gitrepo", "TestGone"}}}
	problems, leftOut := r.unproven(done, []string{"gpg"})
	if diff := cmp.Diff([]string{"G1: pkg/gitrepo TestPush failed", "G1: pkg/gitrepo TestGone did not run, or did not come to an end"}, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"G1: pkg/gitrepo TestLong was skipped"}, leftOut); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const table = "| G1 | a | b | G | `pkg/gitrepo TestLong` |\n"
	dir := t.TempDir()
	for name, content := range map[string]string{
		"scenarios.md": head + table,
		"unit.json":    `{"Action":"skip","Package":"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo","Test":"TestLong"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if _, err := run(filepath.Join(dir, "scenarios.md"), dir, []string{"gpg"}, &out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.HasPrefix(said, "scenarios: 0 of 1 proven") || !strings.HasSuffix(said, "\n  for want of gpg on this machine:\n  G1: pkg/gitrepo TestLong was skipped\n") {
		t.Errorf("it says %q", said)
	}
}

func TestUnknown(t *testing.T) {
	rows := []row{{id: "G1", tests: []test{
		{"test/proof", "TestUnknown/whatever"}, {"test/proof", "TestRenamed"}, {"test/nowhere", "TestA"}, {"pkg/lock", "TestAgainstAPIServer"}, // behind a build tag
	}}}
	got, err := unknown(filepath.Join("..", ".."), rows)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"G1: test/proof has no TestRenamed", "G1: test/nowhere has no TestA"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunSaysWhatIsUnproven(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "scenarios.md")
	for name, content := range map[string]string{
		"scenarios.md": head + "| G1 | a | b | G | `pkg/gitrepo TestTip` |\n| G2 | a | b | G | `pkg/gitrepo TestPush` |\n",
		"unit.json":    unitRun,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	proven, err := run(table, dir, nil, &out)
	if err != nil || proven {
		t.Errorf("proven: %t, %v", proven, err)
	}
	const summary, problem = "scenarios: 1 of 2 proven by tests that ran\n", "\n  G2: pkg/gitrepo TestPush failed\n"
	if got := out.String(); !strings.HasPrefix(got, summary) || !strings.HasSuffix(got, problem) {
		t.Errorf("it says %q, want it to begin with %q and to end with %q", got, summary, problem)
	}
	if proven, err := run(filepath.Join(dir, "absent.md"), dir, nil, &out); proven || err == nil {
		t.Errorf("proven without a table: %t, %v", proven, err)
	}
	if proven, err := run(table, t.TempDir(), nil, &out); proven || err == nil {
		t.Errorf("proven without results: %t, %v", proven, err)
	}
}
