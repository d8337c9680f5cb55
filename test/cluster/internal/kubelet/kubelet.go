package kubelet

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// NodeName is the name of the one node.
const NodeName = "local"

const (
	hostIP  = "10.244.0.1" // in documents only; nothing listens there
	workers = 8
	timeout = 10 * time.Second
	// volumesResync is when a call for a volume that failed is made again.
	volumesResync = 5 * time.Second
)

// Kubelet plays one node.
type Kubelet struct {
	client kubernetes.Interface
	now    func() time.Time
	log    func(format string, args ...any)

	queue workqueue.TypedDelayingInterface[cache.ObjectName]
	pods  cache.Indexer

	mu    sync.Mutex
	known map[types.UID]podRecord
	count int
}

type podRecord struct {
	seen time.Time
	ip   string
}

// New returns a kubelet. log is told of calls that failed; they are tried again.
func New(client kubernetes.Interface, now func() time.Time, log func(format string, args ...any)) *Kubelet {
	return &Kubelet{
		client: client, now: now, log: log,
		queue: workqueue.NewTypedDelayingQueue[cache.ObjectName](),
		known: map[types.UID]podRecord{},
	}
}

// Run registers the node and plays it until ctx ends. It closes registered
// once pods can be bound to the node.
func (k *Kubelet) Run(ctx context.Context, registered chan<- struct{}) error {
	factory := informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", NodeName).String()
	}))
	informer := factory.Core().V1().Pods().Informer()
	k.pods = informer.GetIndexer()
	enqueue := func(o any) {
		if name, err := cache.ObjectToName(o); err == nil {
			k.queue.Add(name)
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, o any) { enqueue(o) },
		DeleteFunc: k.forget,
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return ctx.Err()
	}
	volumes := informers.NewSharedInformerFactory(k.client, volumesResync)
	if err := k.provideVolumes(ctx, volumes); err != nil {
		return err
	}
	volumes.Start(ctx.Done())
	if err := k.createStorageClass(ctx); err != nil {
		return fmt.Errorf("create the storage class: %w", err)
	}
	if err := k.register(ctx); err != nil {
		return fmt.Errorf("register the node: %w", err)
	}
	close(registered)

	var group sync.WaitGroup
	for range workers {
		group.Go(func() { k.work(ctx) })
	}
	<-ctx.Done()
	k.queue.ShutDown()
	group.Wait()
	return nil
}

func (k *Kubelet) register(ctx context.Context) error {
	now := metav1.NewTime(k.now())
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1000"), corev1.ResourceMemory: resource.MustParse("4Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Ti"), corev1.ResourcePods: resource.MustParse("100k"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: NodeName, Labels: map[string]string{
			corev1.LabelHostname: NodeName, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: hostIP}, {Type: corev1.NodeHostName, Address: NodeName}},
			NodeInfo:  corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: "v0.0.0-pretended"},
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
				LastHeartbeatTime: now, LastTransitionTime: now,
			}},
		},
	}
	_, err := k.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	return err
}

func (k *Kubelet) work(ctx context.Context) {
	for {
		name, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		again, err := k.sync(ctx, name)
		if err != nil && ctx.Err() == nil {
			k.log("pod %s: %v", name, err)
			again = 200 * time.Millisecond
		}
		k.queue.Done(name)
		if again > 0 {
			k.queue.AddAfter(name, again)
		}
	}
}

// sync brings a pod's status up to date and returns when to look again.
func (k *Kubelet) sync(ctx context.Context, name cache.ObjectName) (time.Duration, error) {
	object, exists, err := k.pods.GetByKey(name.String())
	if err != nil || !exists {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pod := object.(*corev1.Pod)
	if pod.DeletionTimestamp != nil {
		return 0, k.remove(ctx, pod)
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0, nil // a phase that never changes again
	}
	record := k.record(pod)
	status, next := statusAt(pod, record.ip, record.seen, k.now().Sub(record.seen))
	if equality.Semantic.DeepEqual(status, pod.Status) {
		return next, nil
	}
	updated := pod.DeepCopy()
	updated.Status = status
	_, err = k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return next, nil // the newer pod is on its way through the informer
	}
	return next, err
}

// remove ends a pod that is being deleted, at once whatever its grace period.
func (k *Kubelet) remove(ctx context.Context, pod *corev1.Pod) error {
	err := k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr(int64(0)),
		Preconditions:      &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func (k *Kubelet) record(pod *corev1.Pod) podRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.known[pod.UID]
	if !ok {
		k.count++
		r = podRecord{seen: k.now(), ip: fmt.Sprintf("10.244.%d.%d", 1+k.count/250%250, 1+k.count%250)}
		k.known[pod.UID] = r
	}
	return r
}

func (k *Kubelet) forget(o any) {
	if deleted, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = deleted.Obj
	}
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, pod.UID)
}
