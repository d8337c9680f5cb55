package customrun

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tektonfake "github.com/tektoncd/pipeline/pkg/client/clientset/versioned/fake"
	pipelineclient "github.com/tektoncd/pipeline/pkg/client/injection/client/fake"
	_ "github.com/tektoncd/pipeline/pkg/client/injection/informers/pipeline/v1beta1/customrun/fake"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/apis"
	_ "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/configmap/informer"
	"knative.dev/pkg/controller"
	_ "knative.dev/pkg/injection/clients/dynamicclient/fake"
	logtesting "knative.dev/pkg/logging/testing"
	pkgreconciler "knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"
)

// startController builds the controller as the framework does, next to these runs, with its caches filled.
func startController(t *testing.T, runs ...*v1beta1.CustomRun) (context.Context, *controller.Impl, *tektonfake.Clientset) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", "tekton-gitops")
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t)
	client := pipelineclient.Get(ctx)
	for _, cr := range runs {
		if _, err := client.TektonV1beta1().CustomRuns(cr.Namespace).Create(ctx, cr, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var c Constructor
	if c.Ready() {
		t.Error("ready before it exists")
	}
	impl := c.NewController(ctx, configmap.NewStaticWatcher())
	wait, err := rtesting.RunAndSyncInformers(ctx, informers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); wait() })
	if !c.Ready() {
		t.Error("not ready although the cache is filled")
	}
	client.ClearActions()
	return ctx, impl, client
}

func named(cr *v1beta1.CustomRun, namespace, name string) *v1beta1.CustomRun {
	cr.Namespace, cr.Name, cr.UID, cr.Generation = namespace, name, types.UID("uid-of-"+name), 2
	return cr
}

func TestPromotionLeavesForeignRunsAlone(t *testing.T) {
	finished := named(runOfType("example.dev/v1", "Wait", false), "team", "foreign-finished")
	finished.Status.ObservedGeneration = 1
	finished.Status.Conditions = append(finished.Status.Conditions, apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue})
	running := named(runOfType("example.dev/v1", "Wait", true), "team", "foreign-running")
	ours := named(byParameters(), "team", "ours")
	ctx, impl, client := startController(t, finished, running, ours)

	var enqueued []types.NamespacedName
	promoted := impl.Reconciler.(pkgreconciler.LeaderAware)
	if err := promoted.Promote(pkgreconciler.UniversalBucket(), func(_ pkgreconciler.Bucket, key types.NamespacedName) {
		enqueued = append(enqueued, key)
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]types.NamespacedName{{Namespace: "team", Name: "ours"}}, enqueued); d != "" {
		t.Errorf("promotion enqueues: %s", d)
	}
	// However a key gets into the queue, the reconcile of a foreign run writes nothing.
	for _, key := range []string{"team/foreign-finished", "team/foreign-running", "team/absent"} {
		if err := impl.Reconciler.Reconcile(ctx, key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if got := writingActions(client.Actions()); len(got) != 0 {
		t.Errorf("writes: %v", got)
	}
}

func TestFrameworkWritesNothingBesides(t *testing.T) {
	ours := named(byParameters(param("image", "quay.io/team/server")), "team", "ours")
	ctx, impl, client := startController(t, ours)
	if err := impl.Reconciler.(pkgreconciler.LeaderAware).Promote(pkgreconciler.UniversalBucket(), func(pkgreconciler.Bucket, types.NamespacedName) {}); err != nil {
		t.Fatal(err)
	}
	if err := impl.Reconciler.Reconcile(ctx, "team/ours"); err != nil {
		t.Fatal(err)
	}
	// One write, ours: no finalizer, no status of the framework's.
	if d := cmp.Diff([]string{"update customruns/status"}, writingActions(client.Actions())); d != "" {
		t.Errorf("writes: %s", d)
	}
	cr, err := client.TektonV1beta1().CustomRuns("team").Get(ctx, "ours", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantFailed(t, cr, v1alpha1.ReasonInvalidParameters)
	if len(cr.Finalizers) != 0 || cr.Status.ObservedGeneration != 2 {
		t.Errorf("finalizers %v, observed generation %d", cr.Finalizers, cr.Status.ObservedGeneration)
	}
	if impl.Concurrency != concurrency {
		t.Errorf("%d workers", impl.Concurrency)
	}
}

func TestEventsWakeTheRunAndTheHeadsOfItsQueue(t *testing.T) {
	h := newHarness(t)
	waiter := func(name string, age time.Duration, lock string) *v1beta1.CustomRun {
		cr := byParameters()
		cr.Name, cr.CreationTimestamp = name, metav1.NewTime(testStart.Add(-age))
		return h.create(withState(t, cr, checkpoint{Version: checkpointVersion, Phase: Locking, Lock: lock, Attempt: 1}, data{}))
	}
	for i, name := range []string{"first", "second", "third", "fourth"} {
		waiter(name, time.Hour-time.Duration(i)*time.Minute, "catalog")
	}
	waiter("elsewhere", time.Hour, "other")
	holder := byParameters()
	holder.Name = "holder"
	holder = h.create(withState(t, holder, checkpoint{Version: checkpointVersion, Phase: Publishing, Lock: "catalog", Attempt: 1}, data{}))
	free := byParameters()
	free.Name = "free"
	free = h.create(free)
	h.refreshCache()

	heads := []string{"first", "second", "third"}
	for name, tc := range map[string]struct {
		event    func(cache.ResourceEventHandler)
		enqueued []string
		woken    []string
	}{
		"the holder has changed":  {func(e cache.ResourceEventHandler) { e.OnUpdate(holder, holder) }, []string{"holder"}, heads},
		"the holder appears":      {func(e cache.ResourceEventHandler) { e.OnAdd(holder, true) }, []string{"holder"}, heads},
		"the holder is deleted":   {func(e cache.ResourceEventHandler) { e.OnDelete(holder) }, nil, heads},
		"a deletion was inferred": {func(e cache.ResourceEventHandler) { e.OnDelete(cache.DeletedFinalStateUnknown{Obj: holder}) }, nil, heads},
		"a waiting run changes":   {func(e cache.ResourceEventHandler) { e.OnUpdate(nil, h.get("second")) }, []string{"second"}, nil},
		"a run without a lock":    {func(e cache.ResourceEventHandler) { e.OnAdd(free, false) }, []string{"free"}, nil},
		"it is deleted":           {func(e cache.ResourceEventHandler) { e.OnDelete(free) }, nil, nil},
		"something else":          {func(e cache.ResourceEventHandler) { e.OnAdd("text", false); e.OnDelete("text") }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h.mu.Lock()
			clear(h.wakes)
			h.mu.Unlock()
			var enqueued []string
			tc.event(h.handler(func(key types.NamespacedName) { enqueued = append(enqueued, key.Name) }))
			if d := cmp.Diff(tc.enqueued, enqueued); d != "" {
				t.Errorf("enqueued: %s", d)
			}
			var woken []string
			for name := range h.wakes {
				woken = append(woken, name)
			}
			slices.Sort(woken)
			if d := cmp.Diff(tc.woken, woken); d != "" {
				t.Errorf("woken: %s", d)
			}
		})
	}
}

func TestSettingsFollowTheirConfigMaps(t *testing.T) {
	const namespace = "tekton-gitops"
	configMap := func(name string, data map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	}
	client := kubefake.NewSimpleClientset()
	watcher := informer.NewInformedWatcher(client, namespace)
	s := newSettings(namespace)
	s.follow(watcher, logtesting.TestLogger(t))
	if err := watcher.Start(t.Context().Done()); err != nil {
		t.Fatal(err)
	}
	if s.policy().AllowHTTPGit || len(s.defaults().Data) != 0 {
		t.Errorf("without ConfigMaps: %+v, %v", s.policy(), s.defaults().Data)
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	for _, cm := range []*corev1.ConfigMap{
		configMap("config-gitops", map[string]string{"allow-http-git": "true"}),
		configMap("config-gitops-defaults", map[string]string{"branch": "trunk"}),
	} {
		if _, err := maps.Create(t.Context(), cm, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both are read", func() bool { return s.policy().AllowHTTPGit && s.defaults().Data["branch"] == "trunk" })
	// A typing error must not open what was closed, nor close what was open.
	if _, err := maps.Update(t.Context(), configMap("config-gitops", map[string]string{"allow-htp-git": "false"}), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Update(t.Context(), configMap("config-gitops-defaults", map[string]string{"branch": "later"}), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the later event is seen", func() bool { return s.defaults().Data["branch"] == "later" })
	if !s.policy().AllowHTTPGit {
		t.Error("an unusable policy has replaced the last good one")
	}
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not so after 10s", what)
		}
	}
}
