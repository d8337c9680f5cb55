package customrun

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
)

// handledElsewhere are the sentinels that end no run, with the reason.
var handledElsewhere = map[string]string{
	"argocd.ErrNoAccount":           "the plugin makes accounts, runs do not",
	"argocd.ErrUnavailable":         "passes by itself",
	"argocd.ErrTooLarge":            "an application may shrink; the run's timeout bounds the waiting",
	"argocd.ErrOperationInProgress": "the step Syncing waits for its end",
	"argocd.ErrResourceNotFound":    "the step Verifying takes it for a workload that does not exist yet",
	"gitrepo.ErrMoved":              "the step Publishing edits again",
	"gitrepo.ErrNoChange":           "the step Publishing plans no commit without a change",
	"gitrepo.ErrMismatch":           "the edit is made again from the branch",
	"gitrepo.ErrRevisionNotFound":   "the body of the pull request says that the changes could not be read",
	"pullrequest.ErrExists":         "the step Opening looks for it again",
	"pullrequest.ErrNoDifference":   "the step Publishing edits again, and finds that there is nothing to do",
	"lock.ErrNamespaceTerminating":  "the run goes with its namespace",
	"policy.ErrInvalid":             "the last good policy stays in force; no run sees it",
	"rollout.ErrInvalid":            "Argo CD answered with something else than the object; the next answer may be right",
	"rollout.ErrUnsupportedKind":    "the step Verifying reads the kinds of rollout.Kinds only",
}

// sentinels lists the exported Err variables of every package that a step may call.
func sentinels(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, dir := range packageDirs(t) {
		files := token.NewFileSet()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, filepath.Join(dir, entry.Name()), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range errorVariables(file) {
				found = append(found, file.Name.Name+"."+name)
			}
		}
	}
	slices.Sort(found)
	return found
}

func packageDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return err
		case slices.Contains([]string{"reconciler", "apis", "internal", "testdata"}, entry.Name()),
			slices.Contains([]string{"cli", "setup", "render"}, entry.Name()): // of the plugin, which has no runs
			return fs.SkipDir
		}
		dirs = append(dirs, at)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func errorVariables(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if strings.HasPrefix(name.Name, "Err") {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// mapped lists the sentinels of the table terminal, as its source spells them.
func mapped(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "classify.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if !ok || len(row.Elts) != 2 {
			return true
		}
		if s, ok := row.Elts[0].(*ast.SelectorExpr); ok {
			names = append(names, s.X.(*ast.Ident).Name+"."+s.Sel.Name)
		}
		return true
	})
	slices.Sort(names)
	return names
}

// A package that gets a new sentinel has to say here what becomes of a run that meets it.
func TestEverySentinelHasAReasonOrIsTransientOnPurpose(t *testing.T) {
	all, ends := sentinels(t), mapped(t)
	if len(all) < 40 || len(ends) < 30 {
		t.Fatalf("only %d sentinels and %d rows were found: %v", len(all), len(ends), all)
	}
	known := slices.Concat(ends, slices.Collect(maps.Keys(handledElsewhere)))
	slices.Sort(known)
	if d := cmp.Diff(all, known); d != "" {
		t.Errorf("sentinels (-) and what is known of them (+): %s", d)
	}
}

func TestTerminalErrorsEndTheRunWithTheirReason(t *testing.T) {
	h := newHarness(t)
	for _, row := range terminal {
		t.Run(path.Base(row.err.Error()), func(t *testing.T) {
			info, ok := row.reason.Info()
			if !ok || !info.Terminal {
				t.Errorf("reason %s is not a documented end", row.reason)
			}
			run := &run{CustomRun: h.bare()}
			m := h.outcomeOf(t.Context(), run, fmt.Errorf("while at work: %w", row.err))
			if m.kind != moveVerdict || m.verdict.Reason != row.reason {
				t.Errorf("got %v %s, want %s", m.kind, m.verdict.Reason, row.reason)
			}
			if row.reason != v1alpha1.ReasonNamespaceNotEnabled && !strings.Contains(m.verdict.Message, "while at work") {
				t.Errorf("message is %q", m.verdict.Message)
			}
		})
	}
}

// bare is a run with nothing but a name.
func (h *harness) bare() *v1beta1.CustomRun {
	cr := byParameters()
	cr.Namespace, cr.Name, cr.UID = testNamespace, testRun, "uid-of-deploy"
	return cr
}

func TestNamespaceThatIsNotEnabledIsToldHow(t *testing.T) {
	h := newHarness(t)
	for name, err := range map[string]error{
		"by the API server": errNamespaceNotEnabled{forbidden("configmaps")},
		"by the lock":       fmt.Errorf("create Lease: %w: %w", lock.ErrForbidden, forbidden("leases")),
	} {
		t.Run(name, func(t *testing.T) {
			m := h.outcomeOf(t.Context(), &run{CustomRun: h.bare()}, err)
			if m.verdict.Reason != v1alpha1.ReasonNamespaceNotEnabled {
				t.Errorf("reason is %s", m.verdict.Reason)
			}
			for _, words := range []string{
				"kubectl create rolebinding tekton-gitops --namespace team --clusterrole tekton-gitops-tenant --serviceaccount tekton-gitops:tekton-gitops-controller",
				"no RoleBinding",
			} {
				if !strings.Contains(m.verdict.Message, words) {
					t.Errorf("message %q does not say %q", m.verdict.Message, words)
				}
			}
		})
	}
	if got := notEnabled("team", errors.New("x")); strings.Contains(got, "(") {
		t.Errorf("an error that is not the API server's is repeated: %q", got)
	}
}

func TestTransientErrorsBackOffAndAreShownWhenTheyLast(t *testing.T) {
	h := newHarness(t)
	cr := h.bare()
	run := &run{CustomRun: cr, secrets: []string{"hunter2-hunter2"}}
	cause := errors.New("connection refused for hunter2-hunter2")
	wait := firstBackoff
	for attempt := 1; attempt <= 9; attempt++ {
		m := h.outcomeOf(t.Context(), run, cause)
		if m.kind != moveStay || m.wake < wait/2 || m.wake > wait {
			t.Errorf("attempt %d: wait %s, want between %s and %s", attempt, m.wake, wait/2, wait)
		}
		switch shown := strings.HasPrefix(m.message, "trying again: connection refused"); {
		case shown != (attempt > silentFailures):
			t.Errorf("attempt %d: message %q", attempt, m.message)
		case strings.Contains(m.message, "hunter2"):
			t.Errorf("the message has the secret: %q", m.message)
		case attempt == 1 && m.message != "starting":
			t.Errorf("first message is %q", m.message)
		}
		if wait = min(2*wait, maxBackoff); attempt >= 6 {
			wait = maxBackoff
		}
		if attempt == 1 {
			cr.Status.Conditions = append(cr.Status.Conditions, apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Message: "at work"})
		}
		if attempt == 2 && m.message != "at work" {
			t.Errorf("second message is %q", m.message)
		}
	}
	h.failures.forget(run.UID)
	if count, _ := h.failures.next(run.UID); count != 1 {
		t.Errorf("after a success, the next failure is number %d", count)
	}
	if count, _ := h.failures.next("another run"); count != 1 {
		t.Errorf("another run's first failure is number %d", count)
	}
}
