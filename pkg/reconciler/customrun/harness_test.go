package customrun

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tektonfake "github.com/tektoncd/pipeline/pkg/client/clientset/versioned/fake"
	"go.uber.org/zap"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	logtesting "knative.dev/pkg/logging/testing"
)

const (
	testNamespace = "team"
	testRun       = "deploy"
)

// testStart is a whole second: the API server stores no finer times in a status.
var testStart = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// customRunsGVR is what the fake client files CustomRuns under.
var customRunsGVR = v1beta1.SchemeGroupVersion.WithResource("customruns")

// harness is a Reconciler on fake clients that keep the API server's rules for CustomRuns: a status is written at the
// stored resourceVersion or refused, and reads back as JSON gives it.
type harness struct {
	*Reconciler
	t       *testing.T
	now     *clocktesting.FakeClock
	tekton  *tektonfake.Clientset
	kube    *kubefake.Clientset
	dynamic *dynamicfake.FakeDynamicClient
	cached  cache.Indexer
	events  *record.FakeRecorder
	logger  *zap.SugaredLogger // nil for the test's log

	mu     sync.Mutex
	wakes  map[string]time.Duration // the earliest wake that a reconcile has asked for, by run
	woken  int                      // how often a background call or a watch has woken a run
	writes int                      // statuses that were stored
	// beforeWrite runs once before the next write of a status, as another writer would come in between.
	beforeWrite func()
}

func newHarness(t *testing.T, objects ...runtime.Object) *harness {
	t.Helper()
	ctx, cancel := context.WithCancel(logtesting.TestContextWithLogger(t))
	t.Cleanup(cancel)
	h := &harness{
		t: t, now: clocktesting.NewFakeClock(testStart),
		tekton: tektonfake.NewSimpleClientset(),
		kube:   kubefake.NewSimpleClientset(objects...),
		dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
			v1alpha1.Resource("gitopsdeploys"): "GitOpsDeployList", v1alpha1.Resource("gitopsprs"): "GitOpsPRList", v1alpha1.Resource("gitopsrecords"): "GitOpsRecordList",
		}),
		cached: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{waitingIndex: waitingFor}),
		events: record.NewFakeRecorder(1000),
		wakes:  map[string]time.Duration{},
	}
	h.tekton.PrependReactor("update", "customruns", h.updateStatus)
	h.kube.PrependReactor("create", "leases", numberLeases())
	h.Reconciler = &Reconciler{
		clock: h.now, tekton: h.tekton, kube: h.kube, dynamic: h.dynamic,
		cached: h.cached, recorder: h.events, wakeAfter: h.wakeLater,
		settings: newSettings("tekton-gitops"), plans: newPlans(), failures: newFailures(), memories: newMemories(),
		metrics: metrics.New(h.now, metrics.Build{}),
	}
	h.backends = backends{
		secrets: credentials.Live(h.kube.CoreV1()),
		mutex:   lock.New(h.kube.CoordinationV1(), prover{h.tekton}, h.now),
		remotes: gitrepo.NewMemory(remoteFacts),
		argocd:  argocd.NewPool(argocd.Options{Dial: h.settings.dialArgoCD, Clock: h.now}),
	}
	t.Cleanup(func() { _ = h.backends.argocd.Close() })
	h.background = newBackground(ctx, h.now, h.wakeNow)
	h.watches = newWatches(ctx, h.now, h.wakeNow)
	h.hosts = newHostClients(h.now)
	h.polls = newPolls(ctx, h.now, h.wakeNow, func() time.Duration { return h.settings.policy().PullRequestPollInterval })
	h.policy(map[string]string{
		"allowed-git-hosts": "127.0.0.1, git.example.com", "allowed-argocd-hosts": "127.0.0.1, argocd.example.com", "allow-http-git": "true", "allow-plaintext": "true",
	})
	return h
}

func (h *harness) policy(data map[string]string) {
	h.t.Helper()
	p, err := policy.Parse(data)
	if err != nil {
		h.t.Fatal(err)
	}
	h.settings.current.Store(&p)
}

// updateStatus does what the API server does with a write to the status of a CustomRun.
func (h *harness) updateStatus(action clienttesting.Action) (bool, runtime.Object, error) {
	update := action.(clienttesting.UpdateAction)
	wanted := update.GetObject().(*v1beta1.CustomRun)
	if update.GetSubresource() != "status" {
		h.t.Errorf("the spec of %s was written", wanted.Name)
	}
	h.mu.Lock()
	interloper := h.beforeWrite
	h.beforeWrite = nil
	h.mu.Unlock()
	if interloper != nil {
		interloper()
	}
	stored, err := h.tekton.Tracker().Get(customRunsGVR, wanted.Namespace, wanted.Name)
	if err != nil {
		return true, nil, err
	}
	next := stored.(*v1beta1.CustomRun).DeepCopy()
	if next.ResourceVersion != wanted.ResourceVersion {
		return true, nil, apierrors.NewConflict(customRunsGVR.GroupResource(), wanted.Name, fmt.Errorf("stored is %s", next.ResourceVersion))
	}
	next.Status = v1beta1.CustomRunStatus{}
	raw, err := json.Marshal(wanted.Status)
	if err == nil {
		err = json.Unmarshal(raw, &next.Status)
	}
	if err != nil {
		return true, nil, err
	}
	h.mu.Lock()
	h.writes++
	h.mu.Unlock()
	h.store(next)
	return true, next, nil
}

// store puts a run into the API server under a new resourceVersion.
func (h *harness) store(cr *v1beta1.CustomRun) {
	h.t.Helper()
	version, _ := strconv.Atoi(cr.ResourceVersion)
	cr = cr.DeepCopy()
	cr.ResourceVersion = strconv.Itoa(version + 1)
	if err := h.tekton.Tracker().Update(customRunsGVR, cr, cr.Namespace); err != nil {
		h.t.Error(err)
	}
}

// create puts a new run into the API server.
func (h *harness) create(cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	h.t.Helper()
	cr = cr.DeepCopy()
	cr.Namespace = testNamespace
	if cr.Name == "" {
		cr.Name = testRun
	}
	if cr.UID == "" {
		cr.UID = types.UID("uid-of-" + cr.Name)
	}
	if cr.CreationTimestamp.IsZero() {
		cr.CreationTimestamp = metav1.NewTime(h.now.Now())
	}
	cr.ResourceVersion, cr.Generation = "1", max(cr.Generation, 1)
	if err := h.tekton.Tracker().Create(customRunsGVR, cr, cr.Namespace); err != nil {
		h.t.Fatal(err)
	}
	return cr
}

func (h *harness) get(name string) *v1beta1.CustomRun {
	h.t.Helper()
	stored, err := h.tekton.Tracker().Get(customRunsGVR, testNamespace, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return stored.(*v1beta1.CustomRun).DeepCopy()
}

// edit changes the spec of a stored run, as a user does.
func (h *harness) edit(name string, change func(*v1beta1.CustomRun)) {
	h.t.Helper()
	cr := h.get(name)
	change(cr)
	cr.Generation++
	h.store(cr)
}

// cancel does to a run what Tekton does when its PipelineRun is cancelled.
func (h *harness) cancel(name string, message v1beta1.CustomRunSpecStatusMessage) {
	h.t.Helper()
	h.edit(name, func(cr *v1beta1.CustomRun) {
		cr.Spec.Status, cr.Spec.StatusMessage = v1beta1.CustomRunSpecStatusCancelled, message
	})
}

// refreshCache makes the cache show what is stored.
func (h *harness) refreshCache() {
	h.t.Helper()
	list, err := h.tekton.Tracker().List(customRunsGVR, v1beta1.SchemeGroupVersion.WithKind("CustomRun"), testNamespace)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []any
	for i := range list.(*v1beta1.CustomRunList).Items {
		all = append(all, &list.(*v1beta1.CustomRunList).Items[i])
	}
	if err := h.cached.Replace(all, ""); err != nil {
		h.t.Fatal(err)
	}
}

// reconcile lets the controller see a run as it is stored, once, and returns what is stored after that.
func (h *harness) reconcile(name string) *v1beta1.CustomRun {
	h.t.Helper()
	h.refreshCache()
	h.reconcileVersion(h.get(name))
	return h.get(name)
}

// reconcileVersion lets the controller see a run in a version of the test's choice, as a cache that is behind would.
func (h *harness) reconcileVersion(cr *v1beta1.CustomRun) {
	h.t.Helper()
	h.mu.Lock()
	delete(h.wakes, cr.Name)
	h.mu.Unlock()
	if err := h.ReconcileKind(h.context(), cr.DeepCopy()); err != nil {
		h.t.Errorf("ReconcileKind returned %v: the framework makes an event of it", err)
	}
	h.settle()
}

// settle waits for the background calls, which run on the real clock.
func (h *harness) settle() {
	h.t.Helper()
	eventually(h.t, "the background calls end", func() bool {
		h.background.mu.Lock()
		defer h.background.mu.Unlock()
		for _, j := range h.background.jobs {
			if !j.done {
				return false
			}
		}
		return true
	})
}

func (h *harness) wakeLater(key types.NamespacedName, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.wakes[key.Name]; !ok || wait < old {
		h.wakes[key.Name] = wait
	}
}

func (h *harness) wakeNow(types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.woken++
}

// wake is when the last reconcile has asked to look at a run again; false when it did not ask.
func (h *harness) wake(name string) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait, ok := h.wakes[name]
	return wait, ok
}

// until reconciles a run until the condition holds, and moves the clock as the run asks, by at most a second at a time.
func (h *harness) until(name, what string, ok func(*v1beta1.CustomRun) bool) *v1beta1.CustomRun {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		cr := h.get(name)
		if ok(cr) {
			return cr
		}
		if cr.IsDone() {
			break
		}
		before, woken := cr.ResourceVersion, h.wokenBy()
		if h.reconcile(name).ResourceVersion != before || h.wokenBy() != woken {
			continue
		}
		wait, _ := h.wake(name)
		h.now.Step(min(wait, time.Second))
	}
	h.t.Fatalf("%s: %s did not come true; the run is %s: %s", name, what, reasonOf(h.get(name)), messageOf(h.get(name)))
	return nil
}

func (h *harness) finish(name string) *v1beta1.CustomRun {
	h.t.Helper()
	return h.until(name, "the end", (*v1beta1.CustomRun).IsDone)
}

func (h *harness) inPhase(name string, p Phase) *v1beta1.CustomRun {
	h.t.Helper()
	return h.until(name, "phase "+string(p), func(cr *v1beta1.CustomRun) bool { return reasonOf(cr) == string(p) })
}

func (h *harness) wokenBy() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.woken
}

// recorded drains the events so far.
func (h *harness) recorded() []string {
	var all []string
	for {
		select {
		case e := <-h.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// leases are the Leases of the namespace with their holders.
func (h *harness) leases() map[string]string {
	h.t.Helper()
	list, err := h.kube.CoordinationV1().Leases(testNamespace).List(h.t.Context(), metav1.ListOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string]string{}
	for _, l := range list.Items {
		all[l.Name] = *l.Spec.HolderIdentity
	}
	return all
}

// numberLeases gives each new Lease a UID and a resourceVersion, which the fake client does not.
func numberLeases() clienttesting.ReactionFunc {
	var made int
	return func(action clienttesting.Action) (bool, runtime.Object, error) {
		made++
		lease := action.(clienttesting.CreateAction).GetObject().(*coordinationv1.Lease)
		lease.UID, lease.ResourceVersion = types.UID(fmt.Sprint("lease-", made)), fmt.Sprint(made)
		return false, nil, nil
	}
}
