package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// exampleFiles are the YAML files of a folder of examples/.
func exampleFiles(t *testing.T, folder string) []string {
	t.Helper()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "examples", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return files
}

// applyExample applies what a file has, in its order, with the addresses of this place, and returns its PipelineRuns, which
// are not created yet. The namespaces that it makes become environments.
func (n *tenant) applyExample(file string) []pipelinev1.PipelineRun {
	n.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		n.t.Fatal(err)
	}
	var runs []pipelinev1.PipelineRun
	for document := range strings.SplitSeq(n.exampleAddresses().Replace(string(data)), "\n---\n") {
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			n.t.Fatal(err)
		}
		if object.Kind == "PipelineRun" {
			var run pipelinev1.PipelineRun
			if err := yaml.UnmarshalStrict([]byte(document), &run); err != nil {
				n.t.Fatal(err)
			}
			runs = append(runs, run)
			continue
		}
		if err := n.Apply(n.t.Context(), n.Namespace, []byte(document)); err != nil {
			n.t.Fatal(err)
		}
		if object.Kind == "Namespace" {
			n.Targets[strings.TrimPrefix(object.Name, n.Namespace+"-")] = object.Name
		}
	}
	return runs
}

// exampleAddresses replaces the addresses of the examples, the prefix of the applications' names, and when their sync
// window closes: now, for ten hours.
func (n *tenant) exampleAddresses() *strings.Replacer {
	now, ssh := time.Now().UTC(), ""
	if n.Repository != nil {
		ssh = n.Repository.SSHURL
	}
	return strings.NewReplacer(
		"ssh://git@github.com/example/product-catalog", ssh,
		"https://github.com/example/product-catalog", n.RepoURL(),
		"argocd-server.argocd.svc", n.ArgoCD.Address,
		"schedule: 0 8 * * 1-5", fmt.Sprintf("schedule: %d %d * * *", now.Minute(), now.Hour()),
		"product-catalog-", n.App(""),
	)
}

// makeExampleSecrets makes the Secrets that the examples say how to make.
func (n *tenant) makeExampleSecrets() {
	n.t.Helper()
	n.signer = newSSHKey(n.t)
	n.secret("signing-key", nil, n.signer.Secret())
	bed.secrets.add(strings.Split(n.signer.Private, "\n")[2], strings.Split(n.Git.SSH.WriterKey, "\n")[2])
	if _, err := n.Client.CoreV1().Secrets(n.Namespace).Create(n.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "git-ssh"}, Type: corev1.SecretTypeSSHAuth,
		StringData: map[string]string{"ssh-privatekey": n.Git.SSH.WriterKey, "known_hosts": n.Git.SSH.KnownHosts},
	}, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
}

func (n *tenant) createRun(run pipelinev1.PipelineRun) string {
	n.t.Helper()
	made, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Create(n.t.Context(), &run, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return made.Name
}

// runsOf are the CustomRuns of a PipelineRun.
func (n *tenant) runsOf(pipelineRun string) []v1beta1.CustomRun {
	n.t.Helper()
	list, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).List(n.t.Context(), metav1.ListOptions{LabelSelector: "tekton.dev/pipelineRun=" + pipelineRun})
	if err != nil {
		n.t.Fatal(err)
	}
	return list.Items
}

// outcomes are what the CustomRuns of a PipelineRun say.
func (n *tenant) outcomes(pipelineRun string) string {
	n.t.Helper()
	text := n.pipelineRun(pipelineRun).Status.GetCondition(apis.ConditionSucceeded).Message
	for _, cr := range n.runsOf(pipelineRun) {
		text += "\n" + cr.Name + " " + outcome(&cr)
	}
	return text
}

// endsOf are the ends of a PipelineRun's tasks.
func (n *tenant) endsOf(pipelineRun string) ends {
	n.t.Helper()
	found := ends{}
	for _, cr := range n.runsOf(pipelineRun) {
		found[cr.Labels["tekton.dev/pipelineTask"]] = end{Reason: reason(&cr), Changed: result(&cr, "changed"), Reverted: result(&cr, "reverted")}
	}
	return found
}

// openSyncWindow removes the window that holds up a run, once that says when it opens.
func (n *tenant) openSyncWindow(pipelineRun string) {
	n.t.Helper()
	said := message(n.waitForMessage(n.child(pipelineRun, "deploy").Name, "waiting for its sync window", "closed until "))
	_, until, _ := strings.Cut(said, "closed until ")
	opens, err := time.Parse(time.RFC3339, strings.Fields(until)[0])
	if left := time.Until(opens); err != nil || left > 10*time.Hour || left < 9*time.Hour {
		n.t.Errorf("%q: it opens in ten hours", said)
	}
	if _, err := n.Dynamic.Resource(projects).Namespace(n.ArgoCD.Namespace).Patch(n.t.Context(), n.App("nights"), types.MergePatchType,
		[]byte(`{"spec":{"syncWindows":null}}`), metav1.PatchOptions{}); err != nil {
		n.t.Fatal(err)
	}
	// The run looks once a minute, and when the application changes.
	n.refreshByHand("nights")
}

// isSigned checks the signature of a run's commit.
func (n *tenant) isSigned(pipelineRun string) {
	n.t.Helper()
	commit := result(n.child(pipelineRun, "deploy"), "commit")
	if _, err := n.Repository.Git(n.t.Context(), append(n.signer.Git(n.t), "verify-commit", commit)...); err != nil {
		n.t.Error(err)
	}
}

// hasTestedTheFirstSync looks at the tests of both pipelines that the hook has started: the second sync had nothing new.
func (n *tenant) hasTestedTheFirstSync(string) {
	n.t.Helper()
	given := n.givenTo("tekton.dev/pipeline=after-sync", "integration-tests")
	if len(given) != 1 || !strings.HasPrefix(given[0]["image"], serverImage+":1.0.0@sha256:") {
		n.t.Errorf("the tests were given %v, want one, by tag and digest", given)
	}
}

// givenTo are the parameters of the TaskRuns of a pipeline's task, one map for each.
func (n *tenant) givenTo(selector, task string) []map[string]string {
	n.t.Helper()
	list, err := n.tekton.TektonV1().TaskRuns(n.Namespace).List(n.t.Context(), metav1.ListOptions{LabelSelector: selector + ",tekton.dev/pipelineTask=" + task})
	n.must(err)
	var given []map[string]string
	for _, run := range list.Items {
		if c := run.Status.GetCondition(apis.ConditionSucceeded); !c.IsTrue() {
			n.t.Errorf("TaskRun %s: %s", run.Name, c.GetMessage())
		}
		params := map[string]string{}
		for _, p := range run.Spec.Params {
			params[p.Name] = p.Value.StringVal
		}
		given = append(given, params)
	}
	return given
}

// startByHook does what the pod of the hook would do, with the rights of its ServiceAccount. The first hook belongs to the
// application's first sync, the next one to a change that has nothing to do with the image.
func (n *tenant) startByHook() string {
	n.t.Helper()
	ctx, target := n.t.Context(), n.Targets["hooked"]
	var before types.UID
	if job, err := n.Client.BatchV1().Jobs(target).Get(ctx, "start-pipeline", metav1.GetOptions{}); err == nil {
		before = job.UID
		const file = "hooked/dev/kustomization.yaml"
		kustomization, err := n.Repository.ReadFile(ctx, n.tip(), file)
		if err != nil {
			n.t.Fatal(err)
		}
		n.push(map[string]string{file: kustomization + "replicas:\n- name: client\n  count: 1\n"})
		n.refreshByHand("hooked")
	}
	pod := n.endOfHook(before).Spec.Template.Spec
	given, err := n.Client.CoreV1().ConfigMaps(target).Get(ctx, "start-pipeline", metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	var run pipelinev1.PipelineRun
	if err := yaml.UnmarshalStrict([]byte(given.Data["run.yaml"]), &run); err != nil {
		n.t.Fatal(err)
	}
	if want := "--namespace=" + n.Namespace; !slices.Contains(pod.Containers[0].Command, want) {
		n.t.Fatalf("the hook's command %s lacks %s", pod.Containers[0].Command, want)
	}
	config, err := n.ServiceAccountConfig(ctx, target, pod.ServiceAccountName)
	if err != nil {
		n.t.Fatal(err)
	}
	client, err := tekton.NewForConfig(config)
	if err != nil {
		n.t.Fatal(err)
	}
	return (&tenant{Tenant: n.Tenant, t: n.t, tekton: client}).createRun(run)
}

// endOfHook waits until the hook's Job has ended that is not the one before.
func (n *tenant) endOfHook(before types.UID) *batchv1.Job {
	n.t.Helper()
	var job *batchv1.Job
	n.poll("the end of the hook", func() bool {
		var err error
		job, err = n.Client.BatchV1().Jobs(n.Targets["hooked"]).Get(n.t.Context(), "start-pipeline", metav1.GetOptions{})
		if err != nil && !gone(err) {
			n.t.Fatal(err)
		}
		return err == nil && job.UID != before && job.Status.Succeeded > 0
	})
	return job
}
