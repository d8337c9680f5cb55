package localcluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestGitea walks through everything that tests can do with Gitea.
func TestGitea(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Gitea")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // a cold build is in it
	defer cancel()
	g, stop, err := StartGitea(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	suffix := fmt.Sprintf("-%x", time.Now().UnixNano())
	bot, person := newUser(ctx, t, g, "bot"+suffix), newUser(ctx, t, g, "person"+suffix)
	check(t, g.CreateOrganisation(ctx, "acme"+suffix))
	check(t, g.CreateTeam(ctx, "acme"+suffix, "deployers", bot.Name))
	r, err := g.CreateRepository(ctx, "acme"+suffix, "shop", map[string]string{"a/b.txt": "one\n"})
	check(t, err)
	check(t, r.Allow(ctx, person.Name, "write"))
	check(t, r.Configure(ctx, map[string]any{"has_pull_requests": true, "allow_fast_forward_only_merge": true}))

	for _, method := range []string{"merge", "squash", "rebase", "rebase-merge", "fast-forward-only"} {
		head, err := r.Commit(ctx, "update/"+method, "Update by "+method, map[string]string{"a/b.txt": method + "\n"})
		check(t, err)
		number, err := r.Open(ctx, bot, "update/"+method, Branch, method)
		check(t, err)
		merged, err := r.Merge(ctx, person, number, method)
		check(t, err)
		tip, err := r.Tip(ctx, Branch)
		check(t, err)
		content, err := r.ReadFile(ctx, Branch, "a/b.txt")
		check(t, err)
		p, err := r.Pull(ctx, number)
		check(t, err)
		if diff := cmp.Diff([]any{tip, method + "\n", true, head}, []any{merged, content, p.Merged, p.Head.SHA}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", method, diff)
		}
		check(t, r.DeleteBranch(ctx, "update/"+method))
	}
	r.testProtection(ctx, t, bot, person)
	r.testTokens(ctx, t, bot)
}

// testProtection: a check and an approval are wanted, and nobody may push.
func (r *GiteaRepository) testProtection(ctx context.Context, t *testing.T, bot, person GiteaUser) {
	t.Helper()
	head, err := r.Commit(ctx, "guarded", "Update", map[string]string{"a/b.txt": "guarded\n"})
	check(t, err)
	number, err := r.Open(ctx, bot, "guarded", Branch, "Guarded")
	check(t, err)
	check(t, r.Close(ctx, number))
	check(t, r.Reopen(ctx, number))
	check(t, r.Protect(ctx, Branch, GiteaProtection{Approvals: 1, Checks: []string{"ci"}}))
	_, err = r.Commit(ctx, Branch, "Past it", map[string]string{"a/b.txt": "past\n"})
	wantStatus(t, "a push", err, http.StatusForbidden)
	_, err = r.Merge(ctx, person, number, "squash")
	wantStatus(t, "without a check", err, http.StatusMethodNotAllowed)
	check(t, r.SetStatus(ctx, head, "ci", "success"))
	_, err = r.Merge(ctx, person, number, "squash")
	wantStatus(t, "without an approval", err, http.StatusMethodNotAllowed)
	check(t, r.Approve(ctx, person, number))
	_, err = r.Merge(ctx, person, number, "squash")
	check(t, err)
	log, err := r.Log(ctx, Branch)
	check(t, err)
	if len(log) == 0 || !strings.HasPrefix(log[0].Message, fmt.Sprintf("Guarded (#%d)\n", number)) {
		t.Errorf("the squashed commit is %+v", log)
	}
	open, err := r.Pulls(ctx, "open")
	check(t, err)
	if len(open) > 0 {
		t.Errorf("still open: %+v", open)
	}
}

func (r *GiteaRepository) testTokens(ctx context.Context, t *testing.T, bot GiteaUser) {
	t.Helper()
	token, err := r.gitea.CreateToken(ctx, bot, "read:repository")
	check(t, err)
	check(t, r.Call(ctx, token, http.MethodGet, "", nil, nil))
	err = r.Call(ctx, token, http.MethodPost, "/pulls", map[string]any{"head": "x", "base": Branch}, nil)
	wantStatus(t, "a token that may only read", err, http.StatusForbidden)
}

// testGitea has Argo CD deploy what was merged.
func (c *Cluster) testGitea(ctx context.Context, t *testing.T) {
	namespace, err := c.CreateNamespace(ctx, "gitea", nil)
	check(t, err)
	person := newUser(ctx, t, c.Gitea, namespace)
	r, err := c.Gitea.CreateRepository(ctx, person.Name, "shop", map[string]string{
		"deployment.yaml": deployment, "kustomization.yaml": kustomization("v1"),
	})
	check(t, err)
	_, err = r.Commit(ctx, "update", "Update", map[string]string{"kustomization.yaml": kustomization("v2")})
	check(t, err)
	number, err := r.Open(ctx, person, "update", Branch, "Update")
	check(t, err)
	merged, err := r.Merge(ctx, person, number, "rebase")
	check(t, err)
	check(t, c.CreateApplication(ctx, Application{Name: namespace, RepoURL: r.URL, Namespace: namespace}))
	check(t, c.sync(ctx, "pipeline", namespace))
	c.waitForHealth(ctx, t, namespace, "Healthy")
	wait(ctx, t, func() error {
		d, err := c.Client.AppsV1().Deployments(namespace).Get(ctx, "shop", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; image != "registry.example/shop:v2" {
			return fmt.Errorf("deployed is %s, from %s", image, merged)
		}
		return nil
	})
	check(t, c.Applications().Delete(ctx, namespace, metav1.DeleteOptions{}))
	check(t, c.DeleteNamespace(ctx, namespace))
}

func newUser(ctx context.Context, t *testing.T, g Gitea, name string) GiteaUser {
	t.Helper()
	u, err := g.CreateUser(ctx, name)
	check(t, err)
	return u
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantStatus(t *testing.T, what string, err error, want int) {
	t.Helper()
	var refused *GiteaError
	if !errors.As(err, &refused) || refused.Status != want {
		t.Errorf("%s: %v, want status %d", what, err, want)
	}
}
