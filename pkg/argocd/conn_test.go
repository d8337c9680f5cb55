package argocd

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
)

const testToken = "header.secret-token.signature"

func dial(t *testing.T, s Server, cred Credential, o Options) *Conn {
	t.Helper()
	c, err := Dial(s, cred, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// plain starts f without TLS and connects to it with the right token.
func plain(t *testing.T, f *fakeArgoCD) *Conn {
	t.Helper()
	f.tokens = map[string]bool{testToken: true}
	return dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{})
}

func testApp(namespace, project string) *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: namespace, ResourceVersion: "7"},
		Spec:       v1alpha1.ApplicationSpec{Project: project},
		Status:     v1alpha1.ApplicationStatus{ControllerNamespace: "argocd"},
	}
}

func sameErr(t *testing.T, err, want error, texts ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	if err == nil {
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), testToken) {
		t.Errorf("error %q carries the token", err)
	}
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	for _, tt := range []struct {
		name   string
		issuer authority
		until  time.Duration
		ips    []net.IP
		server Server
		want   error
		says   string
	}{
		{name: "right CA", issuer: ca, until: time.Hour, ips: loopback, server: Server{CA: ca.pem}},
		{name: "without CA, as with Argo CD's default certificate", issuer: ca, until: time.Hour, ips: loopback,
			want: ErrCertificate, says: "Argo CD's default certificate is self-signed: put its certificate or CA into the Secret as ca.crt"},
		{name: "wrong CA", issuer: ca, until: time.Hour, ips: loopback, server: Server{CA: other.pem}, want: ErrCertificate, says: "unknown authority"},
		{name: "expired", issuer: ca, until: -time.Hour, ips: loopback, server: Server{CA: ca.pem}, want: ErrCertificate, says: "expired or not valid yet"},
		{name: "for another host", issuer: ca, until: time.Hour, server: Server{CA: ca.pem}, want: ErrCertificate, says: "not valid for 127.0.0.1; use a name that it is valid for (argocd-server)"},
		{name: "insecure accepts any", issuer: ca, until: -time.Hour, server: Server{Insecure: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{url: "https://argocd.example.com/", tokens: map[string]bool{testToken: true}}
			tt.server.Address = f.start(t, tt.issuer.issue(t, time.Now().Add(tt.until), tt.ips, []string{"argocd-server"}))
			got, err := dial(t, tt.server, Credential{Token: testToken}, Options{}).BaseURL(context.Background())
			sameErr(t, err, tt.want, tt.says)
			if tt.want == nil && got != "https://argocd.example.com" {
				t.Errorf("got URL %q", got)
			}
		})
	}
}

func TestTLSToPlaintextServer(t *testing.T) {
	f := &fakeArgoCD{}
	_, err := dial(t, Server{Address: f.start(t, nil)}, Credential{Token: testToken}, Options{}).BaseURL(context.Background())
	sameErr(t, err, ErrServer, "does not speak TLS on this port; if that is meant, set plaintext")
}

// A cut connection is no verdict on the certificate, and one that cannot even
// be dialled any more ends an earlier verdict.
func TestCertificateFailureEnds(t *testing.T) {
	ca := newAuthority(t)
	f := &fakeArgoCD{}
	address := f.start(t, ca.issue(t, time.Now().Add(time.Hour), []net.IP{net.IPv4(127, 0, 0, 1)}, nil))
	gone := errors.New("connection refused")
	down := false
	c := dial(t, Server{Address: address}, Credential{Token: testToken}, Options{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		if down {
			return nil, gone
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}})
	_, err := c.BaseURL(context.Background())
	sameErr(t, err, ErrCertificate)
	down = true
	c.ch.grpc.ResetConnectBackoff()
	for range 100 {
		if _, err = c.BaseURL(context.Background()); errors.Is(err, ErrUnavailable) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	sameErr(t, err, ErrUnavailable, gone.Error())

	if err := explainHandshake("argocd", errors.New("connection reset")); err != nil {
		t.Errorf("a cut connection is reported as %v", err)
	}
	if err := explainHandshake("argocd", &tls.CertificateVerificationError{Err: errors.New("odd")}); !errors.Is(err, ErrCertificate) {
		t.Errorf("got %v", err)
	}
}

func TestServerUnavailable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, err = dial(t, Server{Address: address}, Credential{Token: testToken}, Options{}).Get(context.Background(), App{Name: "shop"}, RefreshNone)
	sameErr(t, err, ErrUnavailable, "get application shop")
}

func TestDialHookAndDeadline(t *testing.T) {
	forbidden := errors.New("address 169.254.169.254 is not allowed")
	var asked string
	c := dial(t, Server{Address: "argocd.example.com"}, Credential{Token: testToken}, Options{
		Dial: func(_ context.Context, addr string) (net.Conn, error) { asked = addr; return nil, forbidden },
	})
	_, err := c.BaseURL(context.Background())
	sameErr(t, err, ErrUnavailable, forbidden.Error())
	if asked != "argocd.example.com:443" {
		t.Errorf("dialled %q: the name must reach the hook unresolved", asked)
	}

	slow := dial(t, Server{Address: "argocd.example.com"}, Credential{Token: testToken}, Options{
		Timeout: 50 * time.Millisecond,
		Dial:    func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
	})
	_, err = slow.BaseURL(context.Background())
	sameErr(t, err, ErrUnavailable)

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = slow.BaseURL(cancelled)
	sameErr(t, err, context.Canceled)
}

func TestDialRefuses(t *testing.T) {
	good := Credential{Token: "t"}
	for _, tt := range []struct {
		name   string
		server Server
		cred   Credential
		want   error
	}{
		{"scheme", Server{Address: "https://argocd.example.com"}, good, ErrServer},
		{"empty", Server{}, good, ErrServer},
		{"no host", Server{Address: ":443"}, good, ErrServer},
		{"no port after the colon", Server{Address: "a:"}, good, ErrServer},
		{"garbage", Server{Address: "a:b:c"}, good, ErrServer},
		{"CA is not PEM", Server{Address: "a", CA: []byte("x")}, good, ErrCertificate},
		{"no credential", Server{Address: "a"}, Credential{}, ErrUnauthenticated},
		{"no password", Server{Address: "a"}, Credential{Username: "u"}, ErrUnauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Dial(tt.server, tt.cred, Options{})
			sameErr(t, err, tt.want)
			_, _, err = NewPool(Options{}).Conn(tt.server, tt.cred)
			sameErr(t, err, tt.want)
		})
	}
}

func TestHostPort(t *testing.T) {
	for address, want := range map[string]string{
		"argocd": "argocd:443", "argocd:8080": "argocd:8080", "::1": "[::1]:443", "[::1]": "[::1]:443", "[::1]:8443": "[::1]:8443",
	} {
		if _, got, err := (Server{Address: address}).hostPort(); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", address, got, err, want)
		}
	}
	if _, got, _ := (Server{Address: "argocd", Plaintext: true}).hostPort(); got != "argocd:80" {
		t.Errorf("plaintext: got %q", got)
	}
}

func TestWrongToken(t *testing.T) {
	f := &fakeArgoCD{}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{})
	_, err := c.Get(context.Background(), App{Name: "shop"}, RefreshNone)
	sameErr(t, err, ErrUnauthenticated, "invalid session")
	if err := c.Watch(context.Background(), App{Name: "shop"}, func() {}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("watch: %v", err)
	}
}

func TestSyncRequest(t *testing.T) {
	f := &fakeArgoCD{}
	c := plain(t, f)
	app := App{Name: "shop", Namespace: "team", Project: "apps"}
	if err := c.Sync(context.Background(), app, SyncRequest{Run: "uid-1", Attempt: 2, Prune: true, Options: []string{"ServerSideApply=true"}}); err != nil {
		t.Fatal(err)
	}
	r := f.synced
	got := map[string]any{
		"name": r.GetName(), "namespace": r.GetAppNamespace(), "project": r.GetProject(), "revision": r.Revision == nil, "prune": r.GetPrune(),
		"options": r.SyncOptions.Items, "retry": r.RetryStrategy.Limit, "infos": *r.Infos[0], "attempt": *r.Infos[1],
	}
	want := map[string]any{
		"name": "shop", "namespace": "team", "project": "apps", "revision": true, "prune": true,
		"options": []string{"ServerSideApply=true"}, "retry": int64(0),
		"infos": v1alpha1.Info{Name: "Tekton-CustomRun-UID", Value: "uid-1"}, "attempt": v1alpha1.Info{Name: "Tekton-CustomRun-Attempt", Value: "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Without options of ours the Application's own stay: nil, not empty.
	if err := c.Sync(context.Background(), App{Name: "shop"}, SyncRequest{Revision: "abc"}); err != nil {
		t.Fatal(err)
	}
	if r := f.synced; r.SyncOptions != nil || r.AppNamespace != nil || r.Project != nil || r.GetRevision() != "abc" {
		t.Errorf("unexpected request %v", r)
	}
}

// The texts are those of argo-cd's source, see classify.go for the places.
func TestSyncErrors(t *testing.T) {
	for _, tt := range []struct {
		code codes.Code
		text string
		want error
		says string
	}{
		{codes.PermissionDenied, "cannot sync: blocked by sync window", ErrSyncWindow, "blocked by sync window"},
		{codes.PermissionDenied, "Cannot sync: Blocked by sync window", ErrSyncWindow, ""},
		{codes.PermissionDenied, "cannot sync: invalid sync window: bad schedule", ErrSyncWindow, "bad schedule"},
		{codes.PermissionDenied, "permission denied: applications, sync, apps/shop, sub: pipeline, iat: 2026-11-22T00:00:00Z", ErrPermission,
			"account pipeline may not sync applications apps/shop: grant it in Argo CD's RBAC policy (p, ROLE, applications, sync, apps/shop, allow)"},
		{codes.PermissionDenied, "permission denied", ErrPermission, "may not get applications"},
		{codes.PermissionDenied, "permission denied: odd", ErrPermission, "odd"},
		{codes.FailedPrecondition, "another operation is already in progress", ErrOperationInProgress, ""},
		{codes.FailedPrecondition, "error setting app operation: another operation is already in progress", ErrOperationInProgress, ""},
		{codes.FailedPrecondition, "Cannot sync to abc: auto-sync currently set to main", ErrAutoSyncRevision, "set to main"},
		{codes.FailedPrecondition, "Cannot sync source https://x to abc: auto-sync currently set to main", ErrAutoSyncRevision, ""},
		{codes.FailedPrecondition, "application is deleting", ErrDeleting, ""},
		{codes.FailedPrecondition, "error resolving repo revision: dial tcp: timeout", ErrUnavailable, "timeout"},
		{codes.InvalidArgument, `app is not allowed in project "apps", or the project does not exist`, ErrProject, `"apps"`},
		{codes.NotFound, `applications.argoproj.io "shop" not found`, ErrNotFound, ""},
		{codes.Unauthenticated, "invalid session: token " + testToken + " expired", ErrUnauthenticated, "token [redacted] expired"},
		{codes.Unavailable, "the server is shutting down", ErrUnavailable, ""},
		{codes.ResourceExhausted, "grpc: received message larger than max (1 vs. 0)", ErrTooLarge, ""},
		{codes.ResourceExhausted, "too many requests", ErrUnavailable, ""},
		{codes.Unknown, strings.Repeat("x", 5000), ErrUnavailable, "x…"},
	} {
		t.Run(tt.code.String()+" "+clip(tt.text, 60), func(t *testing.T) {
			c := plain(t, &fakeArgoCD{syncErr: status.Error(tt.code, tt.text)})
			err := c.Sync(context.Background(), App{Name: "shop"}, SyncRequest{})
			sameErr(t, err, tt.want, "sync application shop", tt.says)
			if len(err.Error()) > 2*maxMessage {
				t.Errorf("error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestGet(t *testing.T) {
	denied := status.Error(codes.PermissionDenied, "permission denied")
	absent := status.Error(codes.NotFound, `applications.argoproj.io "shop" not found`)
	for _, tt := range []struct {
		name   string
		app    App
		getErr map[string]error
		listed []v1alpha1.Application
		want   error
		says   string
	}{
		{name: "there", app: App{Name: "shop"}},
		{name: "typo, project given", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			want: ErrNotFound, says: "application not found in project apps: check its name, namespace and project"},
		{name: "typo, no project", app: App{Name: "shop"}, getErr: map[string]error{"": denied, "default": absent},
			want: ErrNotFound, says: "application not found in project default"},
		{name: "no project, nothing known", app: App{Name: "shop"}, getErr: map[string]error{"": denied, "default": denied},
			want: ErrPermission, says: "or there is no application shop: name its project to tell which"},
		{name: "no right to get", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": denied},
			want: ErrPermission, says: "may not get applications apps/shop"},
		{name: "wrong project", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			listed: []v1alpha1.Application{*testApp("argocd", "web")},
			want:   ErrNotFound, says: "in project apps: it is in project web"},
		{name: "another namespace", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			listed: []v1alpha1.Application{*testApp("team", "apps")},
			want:   ErrNotFound, says: "in Argo CD's own namespace: one of that name is in namespace team (project apps)"},
		{name: "same name twice", app: App{Name: "shop", Namespace: "mine"}, getErr: map[string]error{"": denied},
			listed: []v1alpha1.Application{*testApp("argocd", "apps"), *testApp("team", "web")},
			want:   ErrNotFound, says: "in namespace mine: one of that name is in namespace argocd (project apps), team (project web)"},
		{name: "Argo CD could not read it", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": denied},
			listed: []v1alpha1.Application{*testApp("argocd", "apps")},
			want:   ErrUnavailable, says: "could not read it just now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{getErr: tt.getErr, listed: tt.listed, apps: map[string]*v1alpha1.Application{"": testApp("argocd", "")}}
			got, err := plain(t, f).Get(context.Background(), tt.app, RefreshNormal)
			sameErr(t, err, tt.want, tt.says)
			if tt.want == nil {
				want := Observation{
					App: App{Name: "shop", Namespace: "argocd", Project: "default"}, ResourceVersion: "7",
					RBACName: "default/shop", ControllerNamespace: "argocd", Refreshed: RefreshNormal,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestGetRefresh(t *testing.T) {
	inTree := testApp("argocd", "")
	inTree.Status.ResourceHealthSource = v1alpha1.ResourceHealthLocationAppTree
	inTree.Status.Health.Status = "Degraded"
	for _, tt := range []struct {
		name      string
		stuck     bool
		app       *v1alpha1.Application
		refresh   Refresh
		want      Refresh
		wantCalls []string
	}{
		{"none", false, testApp("argocd", ""), RefreshNone, RefreshNone, []string{"Get  "}},
		{"hard", false, testApp("argocd", ""), RefreshHard, RefreshHard, []string{"Get  hard"}},
		{"never ends: as it stands", true, testApp("argocd", ""), RefreshNormal, RefreshNone, []string{"Get  normal", "Get  "}},
		{"health kept in the tree: read once more", false, inTree, RefreshNormal, RefreshNormal, []string{"Get  normal", "Get  "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{stuck: tt.stuck, apps: map[string]*v1alpha1.Application{"": tt.app}, tokens: map[string]bool{testToken: true}}
			c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{RefreshTimeout: 200 * time.Millisecond})
			got, err := c.Get(context.Background(), App{Name: "shop"}, tt.refresh)
			if err != nil || got.Refreshed != tt.want {
				t.Errorf("got %q, %v, want %q", got.Refreshed, err, tt.want)
			}
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCanSync(t *testing.T) {
	for _, tt := range []struct {
		name      string
		o         Observation
		allowed   map[string]bool
		want      bool
		wantCalls []string
	}{
		{"in Argo CD's namespace", Observation{RBACName: "apps/shop", ControllerNamespace: "argocd"},
			map[string]bool{"applications sync apps/shop": true}, true, []string{"CanI applications sync apps/shop"}},
		{"in another namespace", Observation{RBACName: "apps/team/shop", ControllerNamespace: "argocd"},
			map[string]bool{"applications sync apps/shop": true}, false, []string{"CanI applications sync apps/team/shop"}},
		{"Argo CD's namespace is not known yet", Observation{App: App{Name: "shop"}, RBACName: "apps/team/shop"},
			map[string]bool{"applications sync apps/shop": true}, true, []string{"CanI applications sync apps/team/shop", "CanI applications sync apps/shop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{allowed: tt.allowed}
			got, err := plain(t, f).CanSync(context.Background(), tt.o)
			if got != tt.want || err != nil {
				t.Errorf("got %t, %v", got, err)
			}
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := &fakeArgoCD{}
	_, err := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: "x"}, Options{}).CanSync(context.Background(), Observation{RBACName: "a/b"})
	sameErr(t, err, ErrUnauthenticated)
}

func TestTreeAndLive(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	f := &fakeArgoCD{
		live: `{"kind":"Deployment"}`,
		tree: &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{
			{ResourceRef: v1alpha1.ResourceRef{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server", UID: "d"}, Health: &v1alpha1.HealthStatus{Status: "Healthy"}},
			{ResourceRef: v1alpha1.ResourceRef{Group: "apps", Version: "v1", Kind: "ReplicaSet", Namespace: "dev", Name: "server-1", UID: "r"},
				ParentRefs: []v1alpha1.ResourceRef{{UID: "d"}}, Info: []v1alpha1.InfoItem{{Name: "Revision", Value: "Rev:3"}}},
			{ResourceRef: v1alpha1.ResourceRef{Version: "v1", Kind: "Pod", Namespace: "dev", Name: "server-1-x", UID: "p"}, ParentRefs: []v1alpha1.ResourceRef{{UID: "r"}},
				Images: []string{"a:1"}, CreatedAt: &created, Health: &v1alpha1.HealthStatus{Status: "Degraded", Message: "no such image"},
				Info: []v1alpha1.InfoItem{{Name: "Status Reason", Value: "ImagePullBackOff"}}},
		}},
	}
	c := plain(t, f)
	tree, err := c.Tree(context.Background(), App{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	pod := Node{
		Resource: Resource{Version: "v1", Kind: "Pod", Namespace: "dev", Name: "server-1-x"}, UID: "p", Health: "Degraded", HealthMsg: "no such image",
		Reason: "ImagePullBackOff", Images: []string{"a:1"}, Parents: []string{"r"}, Created: created.Time,
	}
	ignoreLocation := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff([]TreePod{{Node: pod, Revision: 3}}, tree.Pods("d"), ignoreLocation); diff != "" {
		t.Error(diff)
	}
	if got := tree.Kind("apps", "Deployment"); len(got) != 1 || got[0].UID != "d" {
		t.Errorf("got %v", got)
	}

	live, err := c.Live(context.Background(), App{Name: "shop", Namespace: "team", Project: "apps"}, tree.Nodes[0].Resource)
	if err != nil || string(live) != f.live {
		t.Errorf("got %s, %v", live, err)
	}
	r := f.liveReq
	got := []string{r.GetName(), r.GetAppNamespace(), r.GetProject(), r.GetGroup(), r.GetVersion(), r.GetKind(), r.GetNamespace(), r.GetResourceName()}
	if diff := cmp.Diff([]string{"shop", "team", "apps", "apps", "v1", "Deployment", "dev", "server"}, got); diff != "" {
		t.Error(diff)
	}
	for text, code := range map[string]codes.Code{
		"Deployment apps server not found as part of application shop": codes.InvalidArgument,
		`error getting resource: deployments.apps "server" not found`:  codes.NotFound,
	} {
		f.liveErr = status.Error(code, text)
		_, err = c.Live(context.Background(), App{Name: "shop"}, tree.Nodes[0].Resource)
		sameErr(t, err, ErrResourceNotFound, "read Deployment/dev/server of application shop")
	}

	f.tree = &v1alpha1.ApplicationTree{Nodes: make([]v1alpha1.ResourceNode, maxNodes+1)}
	_, err = c.Tree(context.Background(), App{Name: "shop"})
	sameErr(t, err, ErrTooLarge)
	f.tokens = nil
	_, err = c.Tree(context.Background(), App{Name: "shop"})
	sameErr(t, err, ErrUnauthenticated)
}

func TestWatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  error
		want error
	}{
		{"stream ends", nil, nil},
		{"proxy cuts it", status.Error(codes.Unavailable, "EOF"), ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := 0
			err := plain(t, &fakeArgoCD{events: 3, endWatch: tt.end}).Watch(context.Background(), App{Name: "shop"}, func() { changes++ })
			sameErr(t, err, tt.want)
			if changes != 3 {
				t.Errorf("got %d changes", changes)
			}
		})
	}
}

func TestPasswordBecomesSession(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(now)
	f := &fakeArgoCD{
		allowed: map[string]bool{"applications sync a/b": true},
		tokens:  map[string]bool{"first": true, "second": true, "third": true},
		logins:  []string{"first", "second", "third"},
	}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Username: "pipeline", Password: "right"}, Options{Clock: clock})
	const login, call = "Login pipeline", "CanI applications sync a/b"
	steps := []struct {
		name    string
		advance time.Duration
		revoke  string
		want    []string
	}{
		{"logs in", 0, "", []string{login, call}},
		{"keeps the token", 30 * time.Minute, "", []string{call}},
		{"logs in again when it is old", sessionLife, "", []string{login, call}},
		{"logs in again when it is refused", 0, "second", []string{call, login, call}},
	}
	for _, step := range steps {
		clock.SetTime(clock.Now().Add(step.advance))
		f.mu.Lock()
		delete(f.tokens, step.revoke)
		f.calls = nil
		f.mu.Unlock()
		if _, err := c.CanSync(context.Background(), Observation{RBACName: "a/b", ControllerNamespace: "argocd"}); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, f.seen()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

func TestWrongPasswordRests(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	f := &fakeArgoCD{}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Username: "pipeline", Password: "wrong"}, Options{Clock: clock})
	for range 3 {
		_, err := c.Get(context.Background(), App{Name: "shop"}, RefreshNone)
		sameErr(t, err, ErrUnauthenticated, "Invalid username or password")
	}
	if diff := cmp.Diff([]string{"Login pipeline"}, f.seen()); diff != "" {
		t.Errorf("the account would be locked: %s", diff)
	}
	clock.SetTime(clock.Now().Add(refusedFor))
	if err := c.Watch(context.Background(), App{Name: "shop"}, func() {}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if got := len(f.seen()); got != 2 {
		t.Errorf("%d logins, want 2: it may have been repaired", got)
	}
}

func TestSessionExpiry(t *testing.T) {
	now := time.Unix(1000, 0)
	for token, want := range map[string]time.Time{
		"opaque":                       now.Add(sessionLife),
		"a.!!!.c":                      now.Add(sessionLife),
		"a.eyJleHAiOjQwMDAwMDAwMDB9.c": time.Unix(4000000000, 0).Add(-renewBefore), // {"exp":4000000000}
	} {
		if got := expiry(token, now); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", token, got, want)
		}
	}
}

func TestPoolSharesAndCloses(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	pool := NewPool(Options{Clock: clock})
	get := func(server, token string) (*Conn, func()) {
		t.Helper()
		c, release, err := pool.Conn(Server{Address: server}, Credential{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		return c, release
	}
	a, releaseA := get("one", "t")
	b, releaseB := get("one", "t")
	c, _ := get("one", "other token")
	d, _ := get("two", "t")
	if a.ch != b.ch || a.ch == c.ch || a.ch == d.ch || c.ch == d.ch {
		t.Error("connections are shared by server and credential")
	}
	releaseA()
	releaseA() // counts once
	clock.SetTime(clock.Now().Add(2 * poolIdle))
	if e, release := get("one", "t"); e.ch != a.ch {
		t.Error("closed while in use")
	} else {
		release()
	}
	releaseB()
	clock.SetTime(clock.Now().Add(2 * poolIdle))
	if e, release := get("one", "t"); e.ch == a.ch {
		t.Error("kept for ever")
	} else {
		release()
	}
	if err := a.Close(); err != nil {
		t.Errorf("a pooled connection is not closed by its user: %v", err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := pool.Conn(Server{Address: "one"}, Credential{Token: "t"}); err == nil {
		t.Error("a closed pool hands out connections")
	}
}
