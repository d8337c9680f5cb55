package customrun

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	settingspkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/settings"
	argoapi "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/health"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	gitPassword = "p4ssword-of-git"
	argoToken   = "t0ken-of-argocd"
	overlay     = "overlays/dev/kustomization.yaml"
)

// argoServer is an Argo CD with one application, which compares when it is asked to and syncs at once, and maybe others
// that do the same. Fields are set by tests, under mu.
type argoServer struct {
	applicationpkg.UnimplementedApplicationServiceServer
	git     *gitServer
	address string
	more    map[string]*argoServer // the other applications, by name

	name   string
	path   string
	labels map[string]string

	mu       sync.Mutex
	compared string // the revision of the last comparison
	deployed string
	operated *argoapi.OperationState
	history  argoapi.RevisionHistories
	syncs    []string // the run that has asked for each sync

	repository string // what the application follows; the git server's repository when empty
	target     string // and its targetRevision
	denied     bool   // the account may not sync
	absent     bool
	syncErr    error // for the next sync
	health     string
	image      string // of the live Deployment, when something overrides it
	others     []string
	available  int // pods of one that are available
	gone       bool
	// unsettled is how many comparisons find it OutOfSync; with the last of them, what is gone appears if it is to.
	unsettled  int
	appears    bool
	podMessage string
	stuck      bool // refreshes find nothing new
	// windowClosed is what is said of the project's sync windows; held keeps an accepted sync until the window is open.
	windowClosed, held bool
	autoSync           bool
	syncFails          string // how the next operation fails
	onSync             func() // runs before a sync is accepted

	restarted   []string // the times that the Deployment was restarted at
	onRestart   func()
	restartedAt func() string // what the action writes; nil: another time with each
	noRestart   bool          // the account may not restart

	terminated  int  // how often the operation was to be terminated
	unstoppable bool // and that changes nothing
}

func newArgoServer(t *testing.T, git *gitServer) *argoServer {
	t.Helper()
	s := newArgoApp(git, "catalog", "overlays/dev")
	s.more = map[string]*argoServer{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	applicationpkg.RegisterApplicationServiceServer(server, s)
	accountpkg.RegisterAccountServiceServer(server, &accounts{s: s})
	settingspkg.RegisterSettingsServiceServer(server, &argoSettings{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	s.address = listener.Addr().String()
	return s
}

func newArgoApp(git *gitServer, name, path string) *argoServer {
	return &argoServer{git: git, name: name, path: path, compared: git.tip(), deployed: git.tip(), target: "main", health: "Healthy", available: 1}
}

// add gives the server another application.
func (s *argoServer) add(name, path string) *argoServer {
	a := newArgoApp(s.git, name, path)
	s.more[name] = a
	return a
}

// of finds an application; the first one stands for names that nobody has.
func (s *argoServer) of(name string) *argoServer {
	if a, ok := s.more[name]; ok {
		return a
	}
	return s
}

func (s *argoServer) set(change func(*argoServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *argoServer) syncedBy() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.syncs...)
}

func (s *argoServer) Get(_ context.Context, q *applicationpkg.ApplicationQuery) (*argoapi.Application, error) {
	s = s.of(q.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent {
		return nil, status.Error(codes.NotFound, `applications.argoproj.io "`+s.name+`" not found`)
	}
	if q.GetRefresh() != "" && !s.stuck {
		s.compared = s.git.tip()
		if s.unsettled--; s.unsettled == 0 && s.appears {
			s.gone = false
		}
	}
	return s.application(), nil
}

// application is called with mu held.
func (s *argoServer) application() *argoapi.Application {
	repository := s.repository
	if repository == "" {
		repository = s.git.url
	}
	app := &argoapi.Application{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: s.name, Labels: s.labels, ResourceVersion: "1"}}
	app.Spec = argoapi.ApplicationSpec{Project: "default", Source: &argoapi.ApplicationSource{RepoURL: repository, TargetRevision: s.target, Path: s.path}}
	if s.autoSync {
		app.Spec.SyncPolicy = &argoapi.SyncPolicy{Automated: &argoapi.SyncPolicyAutomated{}}
	}
	app.Status = argoapi.ApplicationStatus{
		ControllerNamespace: "argocd", OperationState: s.operated, History: s.history,
		Sync:   argoapi.SyncStatus{Status: argoapi.SyncStatusCodeSynced, Revision: s.compared},
		Health: argoapi.HealthStatus{Status: health.HealthStatusCode(s.health)},
	}
	if s.compared != s.deployed || s.unsettled > 0 {
		app.Status.Sync.Status = argoapi.SyncStatusCodeOutOfSync
	}
	return app
}

func (s *argoServer) List(_ context.Context, q *applicationpkg.ApplicationQuery) (*argoapi.ApplicationList, error) {
	selector, err := labels.Parse(q.GetSelector())
	if err != nil || q.GetSelector() == "" {
		return &argoapi.ApplicationList{}, err
	}
	found := &argoapi.ApplicationList{}
	for _, a := range append(slices.Collect(maps.Values(s.more)), s) {
		a.mu.Lock()
		if selector.Matches(labels.Set(a.labels)) {
			found.Items = append(found.Items, *a.application())
		}
		a.mu.Unlock()
	}
	return found, nil
}

func (s *argoServer) GetApplicationSyncWindows(_ context.Context, q *applicationpkg.ApplicationSyncWindowsQuery) (*applicationpkg.ApplicationSyncWindowsResponse, error) {
	s = s.of(q.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	open := !s.windowClosed
	return &applicationpkg.ApplicationSyncWindowsResponse{CanSync: &open}, nil
}

func (s *argoServer) ResourceTree(_ context.Context, q *applicationpkg.ResourcesQuery) (*argoapi.ApplicationTree, error) {
	s = s.of(q.GetApplicationName())
	s.mu.Lock()
	defer s.mu.Unlock()
	node := func(group, kind, name, uid, parent string) argoapi.ResourceNode {
		n := argoapi.ResourceNode{ResourceRef: argoapi.ResourceRef{Group: group, Version: "v1", Kind: kind, Namespace: "dev", Name: name, UID: uid}}
		if parent != "" {
			n.ParentRefs = []argoapi.ResourceRef{{UID: parent}}
		}
		return n
	}
	tree := &argoapi.ApplicationTree{}
	if !s.gone {
		replicas := node("apps", "ReplicaSet", "server-1", "rs", "deployment")
		replicas.Info = []argoapi.InfoItem{{Name: "Revision", Value: "Rev:1"}}
		pod := node("", "Pod", "server-1-a", "pod", "rs")
		pod.Images = []string{s.liveImage()}
		if s.podMessage != "" {
			pod.Health = &argoapi.HealthStatus{Status: "Degraded", Message: s.podMessage}
			pod.Info = []argoapi.InfoItem{{Name: "Status Reason", Value: "ImagePullBackOff"}}
		}
		tree.Nodes = append(tree.Nodes, node("apps", "Deployment", "server", "deployment", ""), replicas, pod)
	}
	for i := range s.others {
		tree.Nodes = append(tree.Nodes, node("apps", "Deployment", fmt.Sprint("other-", i), fmt.Sprint("other-", i), ""))
	}
	return tree, nil
}

// liveImage is called with mu held.
func (s *argoServer) liveImage() string {
	if s.image != "" {
		return s.image
	}
	return "quay.io/team/server:" + s.git.tagIn(s.deployed, s.path)
}

func (s *argoServer) GetResource(_ context.Context, r *applicationpkg.ApplicationResourceRequest) (*applicationpkg.ApplicationResourceResponse, error) {
	s = s.of(r.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	type object = map[string]any
	var live object
	switch name := r.GetResourceName(); {
	case r.GetKind() == "Pod":
		live = object{"kind": "Pod", "apiVersion": "v1", "status": object{"containerStatuses": []any{
			object{"name": "server", "imageID": "quay.io/team/server@sha256:" + strings.Repeat("a", 64)}}}}
	case strings.HasPrefix(name, "other-"):
		var i int
		_, _ = fmt.Sscanf(name, "other-%d", &i)
		live = deploymentObject(name, "other", s.others[i], 1)
	default:
		live = deploymentObject(name, "server", s.liveImage(), s.available)
		if n := len(s.restarted); n > 0 {
			template := live["spec"].(object)["template"].(object)
			template["metadata"] = object{"annotations": object{"kubectl.kubernetes.io/restartedAt": s.restarted[n-1]}}
		}
	}
	raw, err := json.Marshal(live)
	text := string(raw)
	return &applicationpkg.ApplicationResourceResponse{Manifest: &text}, err
}

func deploymentObject(name, container, image string, available int) map[string]any {
	type object = map[string]any
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name, "namespace": "dev", "generation": 2, "annotations": object{"deployment.kubernetes.io/revision": "1"}},
		"spec":   object{"replicas": 1, "selector": object{}, "template": object{"spec": object{"containers": []any{object{"name": container, "image": image}}}}},
		"status": object{"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": available, "availableReplicas": available},
	}
}

func (s *argoServer) Watch(_ *applicationpkg.ApplicationQuery, ws applicationpkg.ApplicationService_WatchServer) error {
	<-ws.Context().Done()
	return ws.Context().Err()
}

type accounts struct {
	accountpkg.UnimplementedAccountServiceServer
	s *argoServer
}

func (a *accounts) CanI(context.Context, *accountpkg.CanIRequest) (*accountpkg.CanIResponse, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.s.denied {
		return &accountpkg.CanIResponse{Value: "no"}, nil
	}
	return &accountpkg.CanIResponse{Value: "yes"}, nil
}

type argoSettings struct {
	settingspkg.UnimplementedSettingsServiceServer
}

func (*argoSettings) Get(context.Context, *settingspkg.SettingsQuery) (*settingspkg.Settings, error) {
	return &settingspkg.Settings{URL: "https://argocd.example.com"}, nil
}
