package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"

	shown "github.com/tekton-gitops/tekton-gitops/pkg/progress"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// pluginBinary is the plugin, built once.
var pluginBinary = sync.OnceValues(func() (string, error) {
	root, err := testbed.Root()
	if err != nil {
		return "", err
	}
	out := filepath.Join(bed.Dir, "plugin", "tkn-gitops")
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", out, "./cmd/tkn-gitops")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(text)))
	}
	return out, nil
})

// plugin runs the commands of a person who has the ClusterRole view in a namespace, and may see its Leases: no more.
type plugin struct {
	n   *tenant
	env []string
}

func (n *tenant) plugin() plugin {
	n.t.Helper()
	binary, err := pluginBinary()
	n.must(err)
	const person = "viewer"
	_, err = n.Client.CoreV1().ServiceAccounts(n.Namespace).Create(n.t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: person}}, metav1.CreateOptions{})
	n.must(err)
	_, err = n.Client.RbacV1().RoleBindings(n.Namespace).Create(n.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: person},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: n.Namespace, Name: person}},
	}, metav1.CreateOptions{})
	n.must(err)
	// That role has no Leases: who holds a lock is a right of its own.
	_, err = n.Client.RbacV1().Roles(n.Namespace).Create(n.t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: person},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	n.must(err)
	_, err = n.Client.RbacV1().RoleBindings(n.Namespace).Create(n.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: person + "-of-leases"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: person},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: n.Namespace, Name: person}},
	}, metav1.CreateOptions{})
	n.must(err)
	home := n.t.TempDir()
	kubeconfig := filepath.Join(home, "kubeconfig")
	n.must(n.ServiceAccountKubeconfig(n.t.Context(), n.Namespace, person, kubeconfig))
	p := plugin{n: n, env: []string{
		"PATH=" + filepath.Dir(binary) + string(os.PathListSeparator) + n.BinDir + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + home, "KUBECONFIG=" + kubeconfig,
	}}
	n.poll("the rights of "+person, func() bool {
		return p.start("tkn-gitops", "list").Run() == nil
	})
	return p
}

// start prepares a command. The person's kubeconfig names the namespace.
func (p plugin) start(program string, args ...string) *exec.Cmd {
	// The directory of the program is on the PATH of the command, not on that of the test.
	cmd := exec.CommandContext(p.n.t.Context(), "env", append([]string{program}, args...)...)
	cmd.Env = p.env
	return cmd
}

// run gives what a command prints, which has to end with this exit status.
func (p plugin) run(status int, program string, args ...string) string {
	p.n.t.Helper()
	cmd := p.start(program, args...)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.n.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		p.n.t.Errorf("%s %v: exit status %d, want %d\n%s%s", program, args, got, status, &out, &failure)
	}
	return out.String() + failure.String()
}

// shared is output that is read while it is written.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A person with the rights of the ClusterRole view follows a PipelineRun, sees who has the lock that its run waits for, and
// how it ended; with the plugin alone and through tkn.
func TestPluginShowsRuns(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	p := n.plugin()
	n.lease(lockName, "somebody", 0)
	n.startPipelineRun("release", `
pipelineSpec:
  tasks:
  - name: deploy-dev
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: lock, value: "+lockName+"}"))
	follow := p.start("tkn-gitops", "logs", "-f", "--pipelinerun", "release")
	var log shared
	follow.Stdout, follow.Stderr = &log, &log
	n.must(follow.Start())
	n.poll("the wait for the lock is in the log", func() bool {
		return strings.Contains(log.String(), "[deploy-dev] · Locking          waiting for lock "+lockName+": 1st of 1")
	})
	run := n.child("release", "deploy-dev").Name
	wantSays(t, p.run(0, "tkn-gitops", "describe", run), "Held by:   somebody, since", "Waiting:   1. "+run+" (this run)", "·   Locking")
	n.deleteLease(lockName)
	if err := follow.Wait(); err != nil {
		t.Errorf("following ended with %v", err)
	}
	n.finishPipelineRun("release", pipelinev1.PipelineRunReasonSuccessful)
	said := []string{
		"✓ Preparing ", "· Locking ", "✓ Locking ", "✓ Publishing ", "· commit           " + n.tip()[:10], "✓ Syncing ", "✓ Verifying ", "✓ Releasing ",
		"✓ Succeeded        after ", "✓ Succeeded        PipelineRun release: ",
	}
	if err := inOrder(log.String(), said); err != nil {
		t.Errorf("%v in\n%s", err, log.String())
	}
	t.Logf("\n%s", log.String())
	p.showsTheEnd(run)
	p.showsAFailure()
}

// showsTheEnd looks at a run that has succeeded.
func (p plugin) showsTheEnd(run string) {
	t, n := p.n.t, p.n
	t.Helper()
	text := p.run(0, "tkn", "gitops", "describe", run)
	t.Logf("\n%s", text)
	wantSays(t, text, "✓ Succeeded", "Commit:       "+n.tip()+" (pushed by this run)", serverImage+":1.0.0", serverImage+":1.0.1",
		n.App("dev"), n.tip()[:10], "Healthy", "Deployment/", "+  newTag: 1.0.1")
	wantSays(t, p.run(0, "tkn", "gitops", "list"), "NAME ", run, "GitOpsDeploy   Succeeded   "+serverImage+":1.0.1   "+n.App("dev"))
	var list struct{ Items []shown.Run }
	n.must(json.Unmarshal([]byte(p.run(0, "tkn", "gitops", "list", "-o", "json")), &list))
	var described shown.Run
	n.must(yaml.Unmarshal([]byte(p.run(0, "tkn-gitops", "describe", "--last", "-o", "yaml")), &described))
	if len(list.Items) != 1 || list.Items[0].Name != run || described.Name != run {
		t.Fatalf("listed are %+v, described is %s", list.Items, described.Name)
	}
	var phases []string
	for _, step := range described.Timeline {
		phases = append(phases, step.Phase)
		if step.End == nil || step.Failed {
			t.Errorf("%+v", step)
		}
	}
	if want := strings.Fields("Preparing Locking Publishing Syncing Verifying Releasing"); !slices.Equal(phases, want) {
		t.Errorf("the phases are %v", phases)
	}
	if len(described.Workloads) != 1 || described.Workloads[0].Image != serverImage+":1.0.1" || described.Commit == nil || described.Commit.ID != n.tip() ||
		described.State != shown.Succeeded || len(described.Applications) != 1 || described.Applications[0].Revision != n.tip() {
		t.Errorf("%+v", described)
	}
	wantSays(t, p.run(0, "tkn-gitops", "__complete", "describe", ""), run+"\tSucceeded")
	wantSays(t, p.run(0, "tkn-gitops", "version"), "tkn-gitops v1.2.3")
}

// showsAFailure follows a run that fails, by the name of its PipelineRun.
func (p plugin) showsAFailure() {
	t, n := p.n.t, p.n
	t.Helper()
	n.startPipelineRun("broken", `
pipelineSpec:
  tasks:
  - name: deploy-dev
    taskRef: {`+deployTask+`}
    params: `+strings.ReplaceAll(n.byParametersText("dev", "1.0.2"), serverImage, "quay.io/product-catalog/servant"))
	text := p.run(1, "tkn", "gitops", "logs", "broken", "-f")
	t.Logf("\n%s", text)
	wantSays(t, text, "✗ ImageNotInManifest", "next ", "✗ Failed           PipelineRun broken")
	wantSays(t, p.run(1, "tkn-gitops", "describe", "brokn"), "has no run \"brokn\"", "Did you mean broken", "?")
	wantSays(t, p.run(1, "tkn-gitops", "list", "-A"), "cannot list resource \"customruns\"", "Ask for the right")
}

// inOrder tells whether a text has all parts, one behind the other.
func inOrder(text string, parts []string) error {
	for _, part := range parts {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return errors.New("not there, or not there any more: " + part)
		}
		text = rest
	}
	return nil
}
