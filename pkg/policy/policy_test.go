package policy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

const (
	ed25519Key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	knownHosts = `
# github.com:22 SSH-2.0-x

github.com,[ssh.github.com]:443 ssh-ed25519 ` + ed25519Key + ` with a comment
@revoked * ssh-ed25519 ` + ed25519Key + `
|1|AAAA|AAAA ssh-ed25519 ` + ed25519Key + `
`
)

func TestParse(t *testing.T) {
	defaults := Policy{
		GitHosts: Hosts{public: true}, ArgoCDHosts: Hosts{public: true, cluster: true},
		MaxManifestBytes: 1 << 20, MaxObjectBytes: 16 << 20, MaxFetchBytes: 128 << 20,
		GitTimeout: 2 * time.Minute, ArgoCDTimeout: 30 * time.Second, PullRequestPollInterval: 30 * time.Second,
	}
	all := Policy{
		GitHosts:       Hosts{public: true, exact: []string{"git.corp", "127.0.0.1", "2001:db8::1"}, suffixes: []string{".example.com"}},
		ArgoCDHosts:    Hosts{cluster: true, exact: []string{"localhost"}},
		AllowPlaintext: true, AllowInsecure: true, AllowHTTPGit: true, RequireHostBinding: true,
		SSHKnownHosts:    strings.TrimSpace(knownHosts),
		MaxManifestBytes: 2048, MaxObjectBytes: 1 << 30, MaxFetchBytes: 1 << 30, GitTimeout: time.Second, ArgoCDTimeout: 10 * time.Minute,
		PullRequestPollInterval: time.Minute,
	}
	for name, tc := range map[string]struct {
		data    map[string]string
		want    Policy
		wantErr string
	}{
		"empty":        {want: defaults},
		"example only": {data: map[string]string{"_example": "x"}, want: defaults},
		"everything": {data: map[string]string{
			"allowed-git-hosts": "public, Git.Corp.\n*.example.com ::ffff:127.0.0.1\t[2001:db8::1]", "allowed-argocd-hosts": "cluster,localhost",
			"allow-plaintext": "true\n", "allow-insecure": "true", "allow-http-git": "true", "require-host-binding": "true",
			"ssh-known-hosts":    knownHosts,
			"max-manifest-bytes": "2048", "max-object-bytes": "1Gi", "max-fetch-bytes": "1Gi", "git-timeout": "1s", "argocd-timeout": "10m",
			"pull-request-poll-interval": "1m",
		}, want: all},
		"unknown key":                 {data: map[string]string{"allow-all": "true"}, wantErr: `invalid policy: ConfigMap config-gitops: unknown key "allow-all"; known are allow-http-git, allow-insecure, allow-plaintext, allowed-argocd-hosts, allowed-git-hosts, argocd-timeout, git-timeout, max-fetch-bytes, max-manifest-bytes, max-object-bytes, pull-request-poll-interval, require-host-binding, ssh-known-hosts`},
		"bad boolean":                 {data: map[string]string{"allow-insecure": "yes"}, wantErr: `invalid policy: ConfigMap config-gitops: allow-insecure is "yes": write true or false`},
		"bad size":                    {data: map[string]string{"max-fetch-bytes": "much"}, wantErr: `invalid policy: ConfigMap config-gitops: max-fetch-bytes is "much": write a size between 1Ki and 1Gi`},
		"size too large":              {data: map[string]string{"max-fetch-bytes": "2Gi"}, wantErr: `invalid policy: ConfigMap config-gitops: max-fetch-bytes is "2Gi": write a size between 1Ki and 1Gi`},
		"bad duration":                {data: map[string]string{"git-timeout": "0"}, wantErr: `invalid policy: ConfigMap config-gitops: git-timeout is "0": write a duration between 1s and 10m`},
		"polls without a pause":       {data: map[string]string{"pull-request-poll-interval": "500ms"}, wantErr: `invalid policy: ConfigMap config-gitops: pull-request-poll-interval is "500ms": write a duration between 1s and 10m`},
		"known hosts: no key":         {data: map[string]string{"ssh-known-hosts": knownHosts + "github.com ssh-ed25519"}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts line 6 is not NAMES TYPE KEY, as ssh-keyscan prints it`},
		"known hosts: key of another": {data: map[string]string{"ssh-known-hosts": "github.com ssh-rsa " + ed25519Key}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts line 1 is not NAMES TYPE KEY, as ssh-keyscan prints it`},
		"known hosts: no key at all":  {data: map[string]string{"ssh-known-hosts": "github.com ssh-rsa AAAA"}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts line 1 is not NAMES TYPE KEY, as ssh-keyscan prints it`},
		"known hosts: not base64":     {data: map[string]string{"ssh-known-hosts": "github.com ssh-rsa ?"}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts line 1 is not NAMES TYPE KEY, as ssh-keyscan prints it`},
		"known hosts: unknown marker": {data: map[string]string{"ssh-known-hosts": "@trusted github.com ssh-ed25519 " + ed25519Key}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts line 1 is not NAMES TYPE KEY, as ssh-keyscan prints it`},
		"known hosts: too many":       {data: map[string]string{"ssh-known-hosts": strings.Repeat("#\n", 200<<10)}, wantErr: `invalid policy: ConfigMap config-gitops: ssh-known-hosts has more than 262144 bytes`},
		"host with scheme":            {data: map[string]string{"allowed-git-hosts": "https://a"}, wantErr: `invalid policy: ConfigMap config-gitops: allowed-git-hosts is "https://a": write host names without scheme and port, addresses, *.DOMAIN, public or cluster`},
		"star":                        {data: map[string]string{"allowed-git-hosts": "*"}, wantErr: `invalid policy: ConfigMap config-gitops: allowed-git-hosts is "*": write host names without scheme and port, addresses, *.DOMAIN, public or cluster`},
		"star of address":             {data: map[string]string{"allowed-git-hosts": "*.10.0.0.1"}, wantErr: `invalid policy: ConfigMap config-gitops: allowed-git-hosts is "*.10.0.0.1": write host names without scheme and port, addresses, *.DOMAIN, public or cluster`},
		"the first of two":            {data: map[string]string{"allow-insecure": "x", "allow-plaintext": "y"}, wantErr: `invalid policy: ConfigMap config-gitops: allow-plaintext is "y": write true or false`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.data)
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" || (err != nil && !errors.Is(err, ErrInvalid)) {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(Hosts{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(defaults, Default(), cmp.AllowUnexported(Hosts{})); diff != "" {
		t.Errorf("Default() (-want +got):\n%s", diff)
	}
}

func policyOf(t *testing.T, data map[string]string) Policy {
	t.Helper()
	p, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func git(url string) request.Request { return request.Request{Git: &request.Git{URL: url}} }

func argo(a request.ArgoCD) request.Request { return request.Request{ArgoCD: &a} }

// proposal is a pull request to an API, with changes of a source.
func proposal(api, source string) request.Request {
	r := request.Request{Git: &request.Git{URL: "https://github.com/a/b"}, PullRequest: &request.PullRequest{APIURL: api}}
	if source != "" {
		r.PullRequest.Changes = &request.Changes{URL: source}
	}
	return r
}

func TestCheck(t *testing.T) {
	open := map[string]string{"allow-http-git": "true", "allow-plaintext": "true", "allow-insecure": "true"}
	const never = " has a link-local, metadata, unspecified or multicast address, which is never allowed"
	const list = " and is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"
	const listArgo = " and is not listed: add it to allowed-argocd-hosts in ConfigMap config-gitops"
	for name, tc := range map[string]struct {
		data map[string]string
		run  request.Request
		want string
	}{
		"nothing to reach":                {},
		"public git over https":           {run: git("https://github.com/a/b")},
		"git over http":                   {run: git("http://github.com/a/b"), want: "git over http to github.com: use https, or set allow-http-git in ConfigMap config-gitops"},
		"git over http, allowed":          {data: open, run: git("http://github.com/a/b")},
		"file":                            {data: open, run: git("file:///etc"), want: "file:// reads the controller's own disk and is never allowed: use https or ssh"},
		"public git over ssh":             {run: git("ssh://git@github.com:2222/a/b")},
		"public git over scp":             {run: git("git@github.com:a/b")},
		"git's own protocol":              {data: open, run: git("git://h/a"), want: `git over "git": use https or ssh`},
		"ssh, not listed":                 {data: map[string]string{"allowed-git-hosts": "*.corp"}, run: git("ssh://git@github.com/a"), want: "git host github.com is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"scp, listed":                     {data: map[string]string{"allowed-git-hosts": "*.corp"}, run: git("git@git.corp:a")},
		"scp, metadata":                   {run: git("git@169.254.169.254:a"), want: "git host 169.254.169.254" + never},
		"ssh, loopback":                   {run: git("ssh://git@[::1]:2222/a"), want: "git host ::1 has a loopback address" + list},
		"a password for scp":              {run: git("me:hunter2@h:a"), want: `git over "me": use https or ssh`},
		"not a URL":                       {run: git("https://me:hunter2@h/%zz"), want: "the repository's URL cannot be parsed"},
		"metadata":                        {run: git("https://169.254.169.254/a"), want: "git host 169.254.169.254" + never},
		"metadata, even when listed":      {data: map[string]string{"allowed-git-hosts": "169.254.169.254"}, run: git("https://169.254.169.254/a"), want: "git host 169.254.169.254" + never},
		"metadata as IPv6":                {run: git("https://[::ffff:169.254.169.254]/a"), want: "git host ::ffff:169.254.169.254" + never},
		"metadata through NAT64":          {run: git("https://[64:ff9b::a9fe:a9fe]/a"), want: "git host 64:ff9b::a9fe:a9fe" + never},
		"loopback":                        {run: git("https://127.0.0.1:8443/a"), want: "git host 127.0.0.1 has a loopback address" + list},
		"loopback as a name":              {run: git("https://LocalHost./a"), want: "git host LocalHost. has a loopback address" + list},
		"loopback below a name":           {run: git("https://x.localhost/a"), want: "git host x.localhost has a loopback address" + list},
		"loopback, listed":                {data: map[string]string{"allowed-git-hosts": "127.0.0.1 localhost"}, run: git("https://localhost/a")},
		"private git":                     {run: git("https://10.0.0.1/a"), want: "git host 10.0.0.1 has a private address" + list},
		"private git, listed":             {data: map[string]string{"allowed-git-hosts": "10.0.0.1"}, run: git("https://10.0.0.1/a")},
		"public address, not listed":      {data: map[string]string{"allowed-git-hosts": "cluster"}, run: git("https://1.1.1.1/a"), want: "git host 1.1.1.1 has a public address" + list},
		"name, not listed":                {data: map[string]string{"allowed-git-hosts": "*.corp"}, run: git("https://github.com/a"), want: "git host github.com is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"the domain itself is not below":  {data: map[string]string{"allowed-git-hosts": "*.corp"}, run: git("https://corp/a"), want: "git host corp is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"name below a listed domain":      {data: map[string]string{"allowed-git-hosts": "*.corp"}, run: git("https://git.corp/a")},
		"Argo CD in the cluster":          {run: argo(request.ArgoCD{Server: "argocd-server.argocd.svc:443"})},
		"Argo CD at a private address":    {run: argo(request.ArgoCD{Server: "[fd12::1]:443"})},
		"Argo CD at a loopback address":   {run: argo(request.ArgoCD{Server: "[::1]:443"}), want: "Argo CD host ::1 has a loopback address" + listArgo},
		"Argo CD named by the Secret":     {run: argo(request.ArgoCD{})},
		"Argo CD, plaintext":              {run: argo(request.ArgoCD{Plaintext: true}), want: "Argo CD without TLS: leave plaintext out, or set allow-plaintext in ConfigMap config-gitops"},
		"Argo CD, plaintext, allowed":     {data: open, run: argo(request.ArgoCD{Plaintext: true})},
		"Argo CD, insecure":               {run: argo(request.ArgoCD{Insecure: true}), want: "Argo CD without verifying its certificate: put ca.crt into the Secret, or set allow-insecure in ConfigMap config-gitops"},
		"Argo CD, insecure, allowed":      {data: open, run: argo(request.ArgoCD{Insecure: true, Server: "argo"})},
		"pull request":                    {run: proposal("", "")},
		"API and source, public":          {run: proposal("https://git.example.com/api/v3", "git@github.com:a/c")},
		"API over http":                   {run: proposal("http://git.example.com/api/v3", ""), want: "the git host's API over http at git.example.com: use https, or set allow-http-git in ConfigMap config-gitops"},
		"API over http, allowed":          {data: open, run: proposal("http://git.example.com/api/v3", "")},
		"API over something else":         {data: open, run: proposal("ssh://git.example.com", ""), want: `a git host's API over "ssh": use https`},
		"API that is not a URL":           {run: proposal("https://me:hunter2@h/%zz", ""), want: "the URL of the git host's API cannot be parsed"},
		"API, metadata":                   {data: open, run: proposal("http://169.254.169.254", ""), want: "git API host 169.254.169.254" + never},
		"API, private":                    {run: proposal("https://10.0.0.1:3000", ""), want: "git API host 10.0.0.1 has a private address" + list},
		"API, not listed with git":        {data: map[string]string{"allowed-git-hosts": "github.com"}, run: proposal("https://api.github.com", ""), want: "git API host api.github.com is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"API, listed with git":            {data: map[string]string{"allowed-git-hosts": "github.com api.github.com"}, run: proposal("https://api.github.com", "")},
		"source over http":                {run: proposal("", "http://github.com/a/c"), want: "source of the changes: git over http to github.com: use https, or set allow-http-git in ConfigMap config-gitops"},
		"source, loopback":                {run: proposal("", "git@localhost:a"), want: "source of the changes: git host localhost has a loopback address" + list},
		"loopback through a star is none": {data: map[string]string{"allowed-git-hosts": "*.localhost"}, run: git("https://x.localhost/a"), want: "git host x.localhost has a loopback address" + list},
	} {
		t.Run(name, func(t *testing.T) {
			err := policyOf(t, tc.data).Check(tc.run)
			want := tc.want
			if rest, ok := strings.CutPrefix(want, "source of the changes: "); ok {
				want = "source of the changes: denied by policy: " + rest
			} else if want != "" {
				want = "denied by policy: " + want
			}
			if diff := cmp.Diff(want, text(err)); diff != "" || (err != nil && !errors.Is(err, ErrDenied)) {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestClassify(t *testing.T) {
	for want, addresses := range map[class]string{
		classPublic:   "1.1.1.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1",
		classPrivate:  "10.1.2.3 172.16.0.1 192.168.1.1 100.64.0.1 198.18.0.1 240.0.0.1 fd12:3456::1 fec0::1 64:ff9b::a00:1 2002:a00:1:: ::10.0.0.1 ::ffff:10.0.0.1",
		classLoopback: "127.0.0.1 127.255.0.1 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 ::127.0.0.1",
		classNever:    "0.0.0.0 0.1.2.3 :: 169.254.169.254 169.254.0.1 fe80::1 fe80::1%eth0 ff02::1 224.0.0.1 255.255.255.255 fd00:ec2::254 100.100.100.200 192.0.0.192 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
	} {
		for _, address := range strings.Fields(addresses) {
			if got := classify(netip.MustParseAddr(address)); got != want {
				t.Errorf("%s: got class %d, want %d", address, got, want)
			}
		}
	}
	if got := classify(netip.Addr{}); got != classNever {
		t.Errorf("no address: got class %d", got)
	}
}

// names resolves from a table.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, address := range strings.Fields(n[host]) {
		addrs = append(addrs, netip.MustParseAddr(address))
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func TestCheckAddresses(t *testing.T) {
	over := func(url string) request.Request { return request.Request{Git: &request.Git{URL: url}} }
	resolver := names{"good": "1.1.1.1", "mixed": "1.1.1.1 169.254.169.254", "inside": "10.0.0.1", "here": "127.0.0.1"}
	run := func(gitHost, argoHost string) request.Request {
		return request.Request{Git: &request.Git{URL: "https://" + gitHost + "/a"}, ArgoCD: &request.ArgoCD{Server: argoHost}}
	}
	for name, tc := range map[string]struct {
		run  request.Request
		want string
	}{
		"allowed":                    {run: run("good", "inside:443")},
		"no such host is no refusal": {run: run("absent", "absent")},
		"server in the Secret":       {run: run("good", "")},
		"nothing to reach":           {},
		"one bad address of two":     {run: run("mixed", ""), want: "denied by policy: git host mixed has a link-local, metadata, unspecified or multicast address, which is never allowed"},
		"over ssh":                   {run: over("ssh://git@good:2222/a")},
		"over ssh, inside":           {run: over("ssh://git@inside:2222/a"), want: "denied by policy: git host inside has a private address and is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"over scp, a bad address":    {run: over("git@mixed:a"), want: "denied by policy: git host mixed has a link-local, metadata, unspecified or multicast address, which is never allowed"},
		"git inside":                 {run: run("inside", ""), want: "denied by policy: git host inside has a private address and is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"API and source allowed":     {run: proposal("https://good/api/v1", "https://good/c")},
		"API inside":                 {run: proposal("https://inside:3000/api/v1", ""), want: "denied by policy: git API host inside has a private address and is not listed: add it to allowed-git-hosts in ConfigMap config-gitops"},
		"source with a bad address":  {run: proposal("", "ssh://git@mixed/c"), want: "source of the changes: denied by policy: git host mixed has a link-local, metadata, unspecified or multicast address, which is never allowed"},
		"Argo CD on this machine":    {run: run("good", "here:443"), want: "denied by policy: Argo CD host here has a loopback address and is not listed: add it to allowed-argocd-hosts in ConfigMap config-gitops"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Default().CheckAddresses(t.Context(), resolver, tc.run)
			if diff := cmp.Diff(tc.want, text(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDial(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	listed := policyOf(t, map[string]string{"allowed-git-hosts": "127.0.0.1, localhost"})
	for name, tc := range map[string]struct {
		dial    DialFunc
		host    string
		allowed bool
	}{
		"listed address":                           {listed.DialGit(), "127.0.0.1", true},
		"listed name":                              {listed.DialGit(), "localhost", true},
		"listed for git, and its API":              {listed.DialAPI(), "127.0.0.1", true},
		"API not listed":                           {Default().DialAPI(), "127.0.0.1", false},
		"not listed for Argo CD":                   {listed.DialArgoCD(), "127.0.0.1", false},
		"not listed at all":                        {Default().DialGit(), "127.0.0.1", false},
		"refused when it is dialled":               {target{kind: "git", key: "k", hosts: Hosts{public: true}}.dial, "localhost.", false},
		"zero address, which reaches this machine": {listed.DialGit(), "0.0.0.0", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := reached
			client := http.Client{Transport: &http.Transport{DialContext: tc.dial}, Timeout: 5 * time.Second}
			response, err := client.Get("http://" + net.JoinHostPort(tc.host, port))
			if err == nil {
				_ = response.Body.Close()
			}
			if tc.allowed && err != nil || !tc.allowed && !errors.Is(err, ErrDenied) {
				t.Errorf("error %v", err)
			}
			if (reached > before) != tc.allowed {
				t.Errorf("the server was reached %d times", reached-before)
			}
		})
	}
}

// TestDialJudgesTheResolvedAddress goes around the check of the text: a name that is fine and resolves to loopback.
func TestDialJudgesTheResolvedAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	guard := target{kind: "git", key: keyGitHosts, hosts: Hosts{public: true}}
	control := guard.control("innocent.example.com")
	for address, wantErr := range map[string]string{
		net.JoinHostPort("127.0.0.1", port): "denied by policy: git host innocent.example.com has a loopback address and is not listed: add it to allowed-git-hosts in ConfigMap config-gitops",
		"/run/some.sock":                    "denied by policy: git host innocent.example.com has no IP address",
		"1.1.1.1:443":                       "",
	} {
		if diff := cmp.Diff(wantErr, text(control("tcp4", address, nil))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	dialer := net.Dialer{Control: control}
	if _, err := dialer.Dial("tcp", listener.Addr().String()); !errors.Is(err, ErrDenied) {
		t.Errorf("the dialer hides the refusal: %v", err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
