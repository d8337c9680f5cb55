package request

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ruling is what the check of one field says: the value that it takes, or the problem.
type ruling struct{ Value, Problem string }

func rule(v string, check func(c checks, field, v string) string) ruling {
	p := &problems{kind: ErrInvalidSpec}
	value := check(checks{p}, "f", v)
	if len(p.list) > 0 {
		return ruling{Problem: strings.TrimPrefix(p.list[0], "f: ")}
	}
	return ruling{Value: value}
}

func TestRepository(t *testing.T) {
	const (
		notURL   = "is not a URL: write https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH"
		password = "holds a user name or password: put them into a Secret, and take them out of the URL everywhere"
		query    = "holds a query or fragment: write https://HOST/PATH"
		scheme   = "is not an https or ssh URL: write https://HOST/PATH or ssh://git@HOST/PATH"
		host     = "has no usable host: write https://HOST/PATH"
		path     = "has no usable path: write https://HOST/PATH, without '..' and '//'"
		scp      = "has no usable host or path: write git@HOST:PATH or ssh://git@HOST/PATH"
	)
	for name, tc := range map[string]struct{ url, want string }{
		"https":                      {url: "https://github.com/org/catalog.git"},
		"https, upper case":          {url: "HTTPS://GitHub.com/Org/Catalog"},
		"http is for policy":         {url: "http://127.0.0.1:8080/git/catalog"},
		"file is for policy":         {url: "file:///srv/git"},
		"IPv6":                       {url: "https://[2001:db8::1]:8443/a/"},
		"at sign in the path":        {url: "https://h/a@b"},
		"ssh":                        {url: "ssh://git@github.com/org/catalog.git"},
		"ssh without user":           {url: "ssh://github.com/org/catalog.git"},
		"ssh with a port":            {url: "ssh://git@h:2222/org/catalog.git"},
		"scp":                        {url: "git@github.com:org/catalog.git"},
		"scp, from the root":         {url: "git@h:/srv/git/a/"},
		"scp, home of another":       {url: "git@h:~other/a"},
		"variable":                   {url: "https://h/$(x)", want: "holds a variable that nothing has replaced"},
		"password":                   {url: "https://me:hunter2@github.com/a/b", want: password},
		"user":                       {url: "https://token@github.com/a/b", want: password},
		"empty user":                 {url: "https://@github.com/a/b", want: password},
		"ssh with a password":        {url: "ssh://git:hunter2@h/a", want: password},
		"ssh with an empty password": {url: "ssh://git:@h/a", want: password},
		"ssh, user like an option":   {url: "ssh://-oProxyCommand=x@h/a", want: password},
		"ssh, empty user":            {url: "ssh://@h/a", want: password},
		"cannot be parsed":           {url: "https://me:hunter2@h/%zz", want: notURL},
		"blank":                      {url: "https://h/a b", want: notURL},
		"blank of another kind":      {url: "https://h/a\u00a0b", want: notURL},
		"control character":          {url: "git@h:a\x01", want: notURL},
		"too long":                   {url: "https://h/" + strings.Repeat("a", 2048), want: notURL},
		"scp, too long":              {url: "git@h:" + strings.Repeat("a", 2048), want: notURL},
		"query":                      {url: "https://h/a?token=hunter2", want: query},
		"empty query":                {url: "https://h/a?", want: query},
		"fragment":                   {url: "https://h/a#b", want: query},
		"empty fragment":             {url: "ssh://git@h/a#", want: query},
		"ftp":                        {url: "ftp://h/a", want: scheme},
		"no scheme":                  {url: "github.com/org/a", want: scheme},
		"no host":                    {url: "https:///a", want: host},
		"no slashes":                 {url: "https:a", want: host},
		"ssh without host":           {url: "ssh://git@/a", want: host},
		"port too high":              {url: "https://h:65536/a", want: host},
		"port zero":                  {url: "https://h:0/a", want: host},
		"port with a zero in front":  {url: "https://h:0443/a", want: host},
		"name in brackets":           {url: "https://[abc]/a", want: notURL},
		"host with an underscore":    {url: "https://a_b/a", want: host},
		"no path":                    {url: "https://h", want: path},
		"path is a slash":            {url: "https://h/", want: path},
		"path with dots":             {url: "https://h/a/../b", want: path},
		"path with a dot":            {url: "https://h/./b", want: path},
		"path ends in dots":          {url: "https://h/a/..", want: path},
		"path of dots":               {url: "https://h/..", want: path},
		"path with encoded dots":     {url: "https://h/a/%2e%2e/b", want: path},
		"path with two slashes":      {url: "https://h//a", want: path},
		"path ends in two slashes":   {url: "ssh://git@h/a//", want: path},
		"scp, path of dots":          {url: "git@h:..", want: scp},
		"scp, path of a dot":         {url: "git@h:.", want: scp},
		"scp, path out of home":      {url: "git@h:../other/a", want: scp},
		"scp, path is a slash":       {url: "git@h:/", want: scp},
		"scp, path with two slashes": {url: "git@h://a", want: scp},
		"scp, host with a dash":      {url: "git@-h:a", want: scp},
		"scp, user like an option":   {url: "-o@h:a", want: notURL},
		"scp, no path":               {url: "git@h:", want: notURL},
		"scp, two users":             {url: "git@h:a@b", want: notURL},
	} {
		t.Run(name, func(t *testing.T) {
			want := ruling{Problem: tc.want}
			if tc.want == "" {
				want.Value = tc.url
			}
			got := rule(tc.url, checks.repository)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(got.Problem, "hunter2") {
				t.Error("the message repeats a password")
			}
		})
	}
}

func TestServer(t *testing.T) {
	const text = ": write host or host:port, without https:// and without a path"
	for name, tc := range map[string]struct {
		server string
		want   ruling
	}{
		"none":                      {"", ruling{}},
		"host":                      {"argocd-server.argocd.svc", ruling{Value: "argocd-server.argocd.svc"}},
		"upper case":                {"Argo.Example.com:443", ruling{Value: "argo.example.com:443"}},
		"IPv4":                      {"127.0.0.1:8080", ruling{Value: "127.0.0.1:8080"}},
		"IPv6":                      {"[::1]", ruling{Value: "[::1]"}},
		"IPv6 with port":            {"[2001:db8::1]:443", ruling{Value: "[2001:db8::1]:443"}},
		"variable":                  {"$(x)", ruling{Problem: `holds a variable that nothing has replaced: "$(x)"`}},
		"scheme":                    {"https://argo", ruling{Problem: `is "https://argo"` + text}},
		"path":                      {"argo/x", ruling{Problem: `is "argo/x"` + text}},
		"port zero":                 {"argo:0", ruling{Problem: `is "argo:0"` + text}},
		"port with a sign":          {"argo:+443", ruling{Problem: `is "argo:+443"` + text}},
		"no port":                   {"argo:", ruling{Problem: `is "argo:"` + text}},
		"IPv6 without brackets":     {"::1", ruling{Problem: `is "::1"` + text}},
		"IPv6 of one network":       {"[fe80::1%eth0]:443", ruling{Problem: `is "[fe80::1%eth0]:443"` + text}},
		"name in brackets":          {"[argo]", ruling{Problem: `is "[argo]"` + text}},
		"name in brackets and port": {"[argo]:443", ruling{Problem: `is "[argo]:443"` + text}},
		"two dots":                  {"a..b", ruling{Problem: `is "a..b"` + text}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, rule(tc.server, checks.server)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func baseBranch(c checks, field, v string) string { return c.branch(field, v, "main") }

func TestBranch(t *testing.T) {
	for name, tc := range map[string]struct {
		branch string
		good   bool
	}{
		"usual":                {"release/1.0", true},
		"other letters":        {"größe", true},
		"at sign":              {"a@b", true},
		"dollar":               {"a$b", true},
		"blank":                {"a b", false},
		"full reference":       {"refs/heads/main", false},
		"like an option":       {"--force", false},
		"slash at the end":     {"a/", false},
		"dot at the end":       {"a.", false},
		"slash in front":       {"/a", false},
		"dot in front":         {".a", false},
		"dot behind a slash":   {"a/.b", false},
		"two dots":             {"a..b", false},
		"two slashes":          {"a//b", false},
		"lock":                 {"a.lock", false},
		"lock in the middle":   {"a.lock/b", false},
		"reflog":               {"a@{1}", false},
		"at sign alone":        {"@", false},
		"tilde":                {"a~1", false},
		"caret":                {"a^", false},
		"colon":                {"a:b", false},
		"bracket":              {"a[b", false},
		"backslash":            {`a\b`, false},
		"star":                 {"a*", false},
		"control character":    {"a\x7f", false},
		"as long as it may be": {strings.Repeat("a", 244), true},
		"too long":             {strings.Repeat("a", 245), false},
	} {
		t.Run(name, func(t *testing.T) {
			want := ruling{Value: tc.branch}
			if !tc.good {
				shown := strings.ReplaceAll(strings.ReplaceAll(clip(tc.branch), `\`, `\\`), "\x7f", `\x7f`)
				want = ruling{Problem: `is "` + shown + `": write the short name of a branch, such as main`}
			}
			if diff := cmp.Diff(want, rule(tc.branch, baseBranch)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(ruling{Value: "main"}, rule("", baseBranch)); diff != "" {
		t.Errorf("no branch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ruling{Problem: `holds a variable that nothing has replaced: "$(x)"`}, rule("$(x)", baseBranch)); diff != "" {
		t.Errorf("variable (-want +got):\n%s", diff)
	}
}
