package customrun

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	pipelineclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	customruninformer "github.com/tektoncd/pipeline/pkg/client/injection/informers/pipeline/v1beta1/customrun"
	customrunreconciler "github.com/tektoncd/pipeline/pkg/client/injection/reconciler/pipeline/v1beta1/customrun"
	"go.opentelemetry.io/otel"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"
)

const (
	// agentName is the source of the events and the user agent towards other servers.
	agentName = "tekton-gitops"
	// concurrency is how many runs are reconciled at a time. Workers wait for networks, not for processors.
	concurrency = 32
)

// Constructor builds the controller and knows when it can work. The zero value is usable, once.
type Constructor struct {
	synced atomic.Pointer[cache.InformerSynced]
	tracer atomic.Pointer[tracing.Tracer]
}

// Ready tells whether the cache of CustomRuns is filled.
func (c *Constructor) Ready() bool {
	synced := c.synced.Load()
	return synced != nil && (*synced)()
}

// Flush sends the traces that wait, until ctx ends. It is called when the controller has stopped.
func (c *Constructor) Flush(ctx context.Context) error {
	if tracer := c.tracer.Load(); tracer != nil {
		return tracer.Shutdown(ctx)
	}
	return nil
}

// NewController wires the reconciler to the framework.
func (c *Constructor) NewController(ctx context.Context, cmw configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx)
	settings := newSettings(system.Namespace())
	built := build()
	unsent := func(err error) { logger.Warnw("traces were not sent", logkey.Error, err.Error()) }
	otel.SetErrorHandler(otel.ErrorHandlerFunc(unsent)) // Its own handler does not write JSON.
	tracer := tracing.New(agentName, built.Version, unsent)
	if w, ok := cmw.(configmap.DefaultingWatcher); ok {
		settings.follow(w, logger)
		followTracing(w, settings.namespace, tracer, logger)
	}
	c.tracer.Store(tracer)
	informer := customruninformer.Get(ctx).Informer()
	if err := informer.AddIndexers(cache.Indexers{waitingIndex: waitingFor}); err != nil {
		logger.Fatalw("cannot index CustomRuns", logkey.Error, err.Error())
	}
	r := &Reconciler{
		clock:    clock.RealClock{},
		tekton:   pipelineclient.Get(ctx),
		kube:     kubeclient.Get(ctx),
		dynamic:  dynamicclient.Get(ctx),
		cached:   informer.GetIndexer(),
		settings: settings,
		plans:    newPlans(),
		memories: newMemories(),
		failures: newFailures(),
		recorder: newRecorder(ctx),
		metrics:  metrics.New(clock.RealClock{}, built),
		tracer:   tracer,
	}
	r.backends = backends{
		secrets: credentials.Live(r.kube.CoreV1()),
		mutex:   lock.New(r.kube.CoordinationV1(), prover{r.tekton}, r.clock),
		remotes: gitrepo.NewMemory(remoteFacts),
		argocd:  argocd.NewPool(argocd.Options{Dial: settings.dialArgoCD, Clock: r.clock, UserAgent: agentName}),
	}
	impl := customrunreconciler.NewImpl(controller.WithEventRecorder(ctx, r.recorder), r, func(*controller.Impl) controller.Options {
		return controller.Options{SkipStatusUpdates: true, PromoteFilterFunc: isOurs}
	})
	impl.Concurrency = concurrency
	r.wakeAfter = impl.EnqueueKeyAfter
	wake := func(key types.NamespacedName) { impl.EnqueueKey(key) }
	r.background = newBackground(ctx, r.clock, wake)
	r.watches = newWatches(ctx, r.clock, wake)
	r.hosts = newHostClients(r.clock)
	r.polls = newPolls(ctx, r.clock, wake, func() time.Duration { return settings.policy().PullRequestPollInterval })
	r.measure(ctx)
	synced := cache.InformerSynced(informer.HasSynced)
	c.synced.Store(&synced)
	if _, err := informer.AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: filterEvent, Handler: r.handler(impl.EnqueueKey),
	}); err != nil {
		logger.Fatalw("cannot watch CustomRuns", logkey.Error, err.Error())
	}
	return impl
}

// remoteFacts bounds what is remembered of git remotes.
const remoteFacts = 4096

// handler enqueues a run on its own events, and the heads of its lock's queue when it may have left the lock.
func (r *Reconciler) handler(enqueue func(types.NamespacedName)) cache.ResourceEventHandler {
	changed := func(obj any) {
		cr, ok := obj.(*v1beta1.CustomRun)
		if !ok {
			return
		}
		enqueue(types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name})
		if name := lockOf(cr); name != "" && !waitsFor(cr, name) {
			r.wakeQueue(cr.Namespace, name)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: changed,
		UpdateFunc: func(old, obj any) {
			changed(obj)
			r.joined(old, obj)
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			cr, ok := obj.(*v1beta1.CustomRun)
			if !ok {
				return
			}
			key := types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}
			r.watches.unsubscribe(key)
			r.polls.unsubscribe(key)
			if name := lockOf(cr); name != "" {
				r.wakeQueue(cr.Namespace, name)
			}
		},
	}
}

// filterEvent is isOurs for informer events, deletions that the informer only inferred included.
func filterEvent(obj any) bool {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	return isOurs(obj)
}

// newRecorder records events with a bounded rate, in the namespaces that permit it.
func newRecorder(ctx context.Context) record.EventRecorder {
	broadcaster := record.NewBroadcaster()
	watch := broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kubeclient.Get(ctx).CoreV1().Events("")})
	go func() {
		<-ctx.Done()
		watch.Stop()
		broadcaster.Shutdown()
	}()
	return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: agentName})
}
