package argocd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	projectpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/project"
	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	settingspkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/settings"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// fakeArgoCD answers with what a test has put into it. It checks tokens as
// server/server.go does: metadata "token", Unauthenticated otherwise.
type fakeArgoCD struct {
	applicationpkg.UnimplementedApplicationServiceServer

	mu     sync.Mutex
	tokens map[string]bool // accepted
	calls  []string

	apps     map[string]*v1alpha1.Application // by project
	getErr   map[string]error                 // by project of the request
	stuck    bool                             // a refresh never ends
	listed   []v1alpha1.Application
	syncErr  error
	synced   *applicationpkg.ApplicationSyncRequest
	allowed  map[string]bool
	tree     *v1alpha1.ApplicationTree
	live     string
	liveErr  error
	liveReq  *applicationpkg.ApplicationResourceRequest
	events   int
	endWatch error
	logins   []string // tokens to hand out
	url      string

	listReq      *applicationpkg.ApplicationQuery
	terminateErr error
	restarted    *applicationpkg.ResourceActionRunRequest
	restartErr   error
	windows      *applicationpkg.ApplicationSyncWindowsResponse
	windowsErr   error
	project      *v1alpha1.AppProject
	projectErr   error
	username     string // whose the tokens are
	newToken     string
	accountErr   error
}

func (f *fakeArgoCD) check(ctx context.Context, call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get("token"); len(got) != 1 || !f.tokens[got[0]] {
		return status.Error(codes.Unauthenticated, "invalid session: token is malformed")
	}
	return nil
}

func (f *fakeArgoCD) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

func (f *fakeArgoCD) Get(ctx context.Context, q *applicationpkg.ApplicationQuery) (*v1alpha1.Application, error) {
	project := ""
	if len(q.Project) > 0 {
		project = q.Project[0]
	}
	if err := f.check(ctx, "Get "+project+" "+q.GetRefresh()); err != nil {
		return nil, err
	}
	if err := f.getErr[project]; err != nil {
		return nil, err
	}
	if q.Refresh != nil && f.stuck {
		<-ctx.Done()
		return nil, status.Error(codes.Unknown, "application refresh deadline exceeded")
	}
	return f.apps[project], nil
}

func (f *fakeArgoCD) List(ctx context.Context, q *applicationpkg.ApplicationQuery) (*v1alpha1.ApplicationList, error) {
	if err := f.check(ctx, "List "+q.GetName()); err != nil {
		return nil, err
	}
	f.listReq = q
	found := &v1alpha1.ApplicationList{}
	for _, a := range f.listed {
		if namespace := q.GetAppNamespace(); namespace == "" || namespace == a.Namespace {
			found.Items = append(found.Items, a)
		}
		if q.GetName() != "" && len(found.Items) == 1 {
			break // As Argo CD does: the first of a name.
		}
	}
	return found, nil
}

func (f *fakeArgoCD) TerminateOperation(ctx context.Context, _ *applicationpkg.OperationTerminateRequest) (*applicationpkg.OperationTerminateResponse, error) {
	if err := f.check(ctx, "TerminateOperation"); err != nil {
		return nil, err
	}
	return &applicationpkg.OperationTerminateResponse{}, f.terminateErr
}

func (f *fakeArgoCD) RunResourceAction(ctx context.Context, r *applicationpkg.ResourceActionRunRequest) (*applicationpkg.ApplicationResponse, error) {
	if err := f.check(ctx, "RunResourceAction "+r.GetAction()+" "+r.GetResourceName()); err != nil {
		return nil, err
	}
	f.restarted = r
	return &applicationpkg.ApplicationResponse{}, f.restartErr
}

func (f *fakeArgoCD) GetApplicationSyncWindows(ctx context.Context, _ *applicationpkg.ApplicationSyncWindowsQuery) (*applicationpkg.ApplicationSyncWindowsResponse, error) {
	if err := f.check(ctx, "GetApplicationSyncWindows"); err != nil {
		return nil, err
	}
	return f.windows, f.windowsErr
}

func (f *fakeArgoCD) Sync(ctx context.Context, r *applicationpkg.ApplicationSyncRequest) (*v1alpha1.Application, error) {
	if err := f.check(ctx, "Sync"); err != nil {
		return nil, err
	}
	f.synced = r
	return &v1alpha1.Application{}, f.syncErr
}

func (f *fakeArgoCD) ResourceTree(ctx context.Context, _ *applicationpkg.ResourcesQuery) (*v1alpha1.ApplicationTree, error) {
	if err := f.check(ctx, "ResourceTree"); err != nil {
		return nil, err
	}
	return f.tree, nil
}

func (f *fakeArgoCD) GetResource(ctx context.Context, r *applicationpkg.ApplicationResourceRequest) (*applicationpkg.ApplicationResourceResponse, error) {
	if err := f.check(ctx, "GetResource"); err != nil {
		return nil, err
	}
	f.liveReq = r
	return &applicationpkg.ApplicationResourceResponse{Manifest: &f.live}, f.liveErr
}

func (f *fakeArgoCD) Watch(_ *applicationpkg.ApplicationQuery, ws applicationpkg.ApplicationService_WatchServer) error {
	if err := f.check(ws.Context(), "Watch"); err != nil {
		return err
	}
	for range f.events {
		if err := ws.Send(&v1alpha1.ApplicationWatchEvent{Type: "MODIFIED"}); err != nil {
			return err
		}
	}
	return f.endWatch
}

// The other services have methods of the same names.
type accountService struct {
	accountpkg.UnimplementedAccountServiceServer
	f *fakeArgoCD
}

func (s *accountService) CanI(ctx context.Context, r *accountpkg.CanIRequest) (*accountpkg.CanIResponse, error) {
	f := s.f
	question := r.Resource + " " + r.Action + " " + r.Subresource
	if err := f.check(ctx, "CanI "+question); err != nil {
		return nil, err
	}
	if f.allowed[question] {
		return &accountpkg.CanIResponse{Value: "yes"}, nil
	}
	return &accountpkg.CanIResponse{Value: "no"}, nil
}

type projectService struct {
	projectpkg.UnimplementedProjectServiceServer
	f *fakeArgoCD
}

func (s *projectService) Get(ctx context.Context, q *projectpkg.ProjectQuery) (*v1alpha1.AppProject, error) {
	if err := s.f.check(ctx, "Project "+q.Name); err != nil {
		return nil, err
	}
	return s.f.project, s.f.projectErr
}

type settingsService struct {
	settingspkg.UnimplementedSettingsServiceServer
	f *fakeArgoCD
}

func (s *settingsService) Get(context.Context, *settingspkg.SettingsQuery) (*settingspkg.Settings, error) {
	return &settingspkg.Settings{URL: s.f.url}, nil
}

type sessionService struct {
	sessionpkg.UnimplementedSessionServiceServer
	f *fakeArgoCD
}

func (s *sessionService) Create(_ context.Context, r *sessionpkg.SessionCreateRequest) (*sessionpkg.SessionResponse, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.calls = append(s.f.calls, "Login "+r.Username)
	if r.Password != "right" {
		return nil, status.Error(codes.Unauthenticated, "Invalid username or password")
	}
	token := s.f.logins[0]
	s.f.logins = s.f.logins[1:]
	return &sessionpkg.SessionResponse{Token: token}, nil
}

// start serves on a loopback port; a nil certificate means plaintext.
func (f *fakeArgoCD) start(t *testing.T, certificate *tls.Certificate) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	if certificate != nil {
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(certificate)))
	}
	server := f.server(options...)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func (f *fakeArgoCD) server(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	applicationpkg.RegisterApplicationServiceServer(server, f)
	accountpkg.RegisterAccountServiceServer(server, &accountService{f: f})
	settingspkg.RegisterSettingsServiceServer(server, &settingsService{f: f})
	sessionpkg.RegisterSessionServiceServer(server, &sessionService{f: f})
	projectpkg.RegisterProjectServiceServer(server, &projectService{f: f})
	return server
}

// authority issues certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{key: key, cert: cert, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a authority) issue(t *testing.T, until time.Time, ips []net.IP, names []string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "argocd-server"},
		NotBefore: until.Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: ips, DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
