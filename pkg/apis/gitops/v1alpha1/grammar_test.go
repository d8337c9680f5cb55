package v1alpha1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// grammar is one kind of field, a spec with a hole in it for the value, and values. The schema of the CRD and package
// request have to agree about each: good ones are taken by both, bad ones by neither. Late ones pass the schema and are
// refused when a run is resolved, because a rule of a schema cannot say it. A file URL is none of them: the schema
// refuses it, and package request leaves it to policy, which says why.
type grammar struct {
	spec            string
	good, bad, late []string
	// alphabet is what random values are made of.
	alphabet []string
}

const (
	writes  = "git: {url: 'https://h/a'}\nimages: [{name: a, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]\n"
	watches = "argocd: {secretRef: {name: s}, applications: [{name: a}]}\n"
	long    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" // 64
)

var grammars = map[string]grammar{
	"Bool": {
		spec: writes + "dryRun: HOLE", good: []string{"true", "false", ""}, bad: []string{"yes", "True", "1", " true"},
	},
	"Duration": {
		spec: writes + "lock: {timeout: HOLE}", good: []string{"0", "0s", "", "90s", "1h30m", "1.5s", "250ms", "168h", "007s"},
		bad:      []string{"1", "-1s", "+1s", ".5s", "1.s", "1us", "1d", "169h", "1h1m1s1ms1ms", "10 s", "0x1s", "-0s", "99999999999s"},
		alphabet: []string{"0", "1", "90", "168", ".", "-", "+", "ms", "s", "m", "h", "us", " "},
	},
	"Timeout": {
		spec: watches + "verify: {timeout: HOLE}", good: []string{"", "1s", "1000ms", "168h", "0h1m"}, bad: []string{"0", "0s", "999ms", "0.9s", "169h", "1", "-1s", "1us"},
		alphabet: []string{"0", "1", "90", "168", ".", "-", "ms", "s", "m", "h"},
	},
	"Name": {
		spec: writes + "lock: {name: HOLE}", good: []string{"a", "my-lock", "a.b-c.d", "0", "", long}, bad: []string{"A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a/b", "a b", strings.Repeat(long+".", 4)},
		alphabet: []string{"a", "0", "-", ".", "A", "_", "/"},
	},
	"Label": {
		spec: writes + "verify: {workloads: [{kind: Job, name: a, container: HOLE}]}\n" + watches, good: []string{"a", "app-1", "", long[:63]}, bad: []string{"A", "a.b", "-a", "a-", long},
		alphabet: []string{"a", "0", "-", ".", "A"},
	},
	"URL": {
		spec: strings.Replace(writes, "'https://h/a'", "HOLE", 1),
		good: []string{
			"https://github.com/org/catalog.git", "HTTPS://GitHub.com/a", "http://127.0.0.1:8080/a", "https://[2001:db8::1]:8443/a/", "https://h/a@b", "https://h/~a/b",
			"ssh://git@h/a", "ssh://h:2222/a", "git@h:a", "git@h:/srv/a/", "a.b_c-d@h:~x/a", "https://h/a:b",
		},
		bad: []string{
			"https://u@h/a", "https://u:p@h/a", "https://@h/a", "ssh://u:p@h/a", "ssh://-o@h/a", "ssh://@h/a", "ftp://h/a", "h/a", "https://h", "https://h/", "https:///a", "https:a",
			"https://h/a?b", "https://h/a?", "https://h/a#", "https://h/a#b", "https://h//a", "https://h/a//", "https://h/a/../b", "https://h/./a", "https://h/a/..", "https://a_b/c", "https://h:0/a", "https://h:0443/a", "https://h:/a",
			"git@h:", "git@h:/", "git@h://a", "git@h:..", "git@h:.", "git@h:../a", "git@h:a//b", "git@h:a@b", "-o@h:a", "git@-h:a", "git@h:a b", "git@h:a?b", "git@h:a\x01", "https://h/a b", "https://h/a\u00a0b", "https://h/a\nb", "h:a",
		},
		late:     []string{"https://h:65536/a", "https://[abc]/a", "https://h/a/%2e%2e/b", "https://h/%zz"},
		alphabet: []string{"https://", "http://", "ssh://", "git@", "h", "a", ":", "/", "//", ".", "..", "-", "@", "443", "0", "?", "#", "~", " ", "_", "[::1]"},
	},
	"Branch": {
		spec: strings.Replace(writes, "git: {", "git: {branch: HOLE, ", 1), good: []string{"main", "env/dev", "a@b", "a$b", "größe", "a-", "", strings.Repeat("a", 244)},
		bad:      []string{"@", "refs/heads/a", "-a", ".a", "/a", "a/", "a.", "a..b", "a//b", "a/.b", "a@{b", "a.lock", "a.lock/b", "a b", "a~", "a^", "a:", "a?", "a*", "a[", `a\b`, "a\x7f", strings.Repeat("a", 245)},
		late:     []string{strings.Repeat("ü", 123)},
		alphabet: []string{"a", "b", "/", ".", "-", "@", "{", ".lock", "refs/", "[", "\\", "~", " ", "*", "ü"},
	},
	"Path": {
		spec: strings.Replace(writes, "{path: a}", "{path: HOLE}", 1), good: []string{".", "./", "a", "./a/", "a/./b", "a b", "a/...", "größe", "a.git", ".github"},
		bad:      []string{"", "/a", "..", "../a", "a/..", "a//b", ".git", "a/.GIT/b", `a\b`, "a\x00", "a\u0085b"},
		late:     []string{strings.Repeat("ü", 600)},
		alphabet: []string{"a", "/", ".", "..", ".git", "\\", " ", "\x01", "ü"},
	},
	"File": {
		spec: "git: {url: 'https://h/a'}\nupdate: [{yaml: {file: HOLE, path: a, value: b}}]\n", good: []string{"a", "./a", "a/b.yaml", "a/."}, bad: []string{"", ".", "./", "a/", "/a", "..", ".git/a"},
		alphabet: []string{"a", "/", ".", "..", ".git"},
	},
	"Host": {
		spec: strings.Replace(watches, "argocd: {", "argocd: {server: HOLE, ", 1), good: []string{"", "argo", "Argo.Example.com:443", "127.0.0.1", "[::1]", "[2001:db8::1]:443", "argo:65535"},
		bad:      []string{"https://argo", "argo/x", "argo:", "argo:0", "argo:+1", "argo:0443", "::1", "a..b", "a-", "-a", "a_b", "a b", "u@argo", "[::1", "argo:x"},
		late:     []string{"argo:65536", "[abc]", "[::1]:99999", "[1.2.3.4]", strings.Repeat(long+".", 4) + "a"},
		alphabet: []string{"a", "B", "0", ".", "-", ":", "443", "[", "]", "::1", "/", "_"},
	},
	"ImageName": {
		spec: strings.Replace(writes, "name: a", "name: HOLE", 1), good: []string{"a", "quay.io/org/server", "reg:5000/a", "SERVER_IMAGE", "[::1]:5000/a", "docker.io/library/a_b.c-d", "reg:123456/a"},
		bad:      []string{"", "a:1", "a@" + sha, "a b", "/a", "-a", "reg:5000/A", strings.Repeat(long, 4)},
		late:     []string{"reg:5000/a//b", "a//b", "a/"},
		alphabet: []string{"a", "B", "/", ":", "5000", ".", "-", "_", "@", "[::1]"},
	},
	"Tag": {
		spec: strings.Replace(writes, "newTag: '1'", "newTag: HOLE, digest: '"+sha+"'", 1), good: []string{"", "1.10", "_a", "A-b.c_d", strings.Repeat(long, 2)},
		bad:      []string{"-a", ".a", "a b", "a+b", "a:b", "ü", strings.Repeat(long, 2) + "a"},
		alphabet: []string{"a", "1", ".", "-", "_", "+"},
	},
	"Digest": {
		spec: strings.Replace(writes, "newTag: '1'", "newTag: '1', digest: HOLE", 1), good: []string{"", sha, "sha512:" + long + long},
		bad: []string{"sha256:" + long[1:], "SHA256:" + long, "sha256:" + strings.ToUpper(long), "sha512:" + long, "md5:" + long[32:], long},
	},
	"Line": {
		spec: strings.Replace(writes, "git: {", "git: {author: {name: HOLE}, ", 1), good: []string{"", "CI Müller", " a\n", strings.Repeat(long, 4)},
		bad:      []string{"a\nb", "a<b", "a>b", "a\x00b", "a\u0085b", strings.Repeat(long, 4) + "a"},
		late:     []string{strings.Repeat("ü", 129)},
		alphabet: []string{"a", " ", "\n", "<", ">", "ü", "\x7f"},
	},
	"SyncOption": {
		spec: strings.Replace(watches, "argocd: {", "argocd: {sync: {options: [HOLE]}, ", 1), good: []string{"Prune=false", "PropagationPolicy=foreground"}, bad: []string{"", "Prune", "a=", "=a", "a=b=c", "a b=c", "a=b c"},
		alphabet: []string{"a", "B", "=", " ", "1", "-"},
	},
	"WorkloadKind": {
		spec: watches + "verify: {workloads: [{kind: HOLE, name: a}]}", good: request.WorkloadKinds(), bad: []string{"", "deployment", "ReplicaSet", "Pod"},
	},
	"HealthScope": {
		spec: watches + "verify: {health: HOLE}", good: []string{"", "Application", "Workloads"}, bad: []string{"application", "All"},
	},
	"Queue": {
		spec: writes + "lock: {queue: HOLE}", good: []string{"", "FIFO", "Latest"}, bad: []string{"fifo", "LIFO"},
	},
	"Transport": {
		spec: strings.Replace(watches, "argocd: {", "argocd: {transport: HOLE, ", 1), good: []string{"", "grpc", "grpc-web"}, bad: []string{"gRPC", "http"},
	},
	"WindowPolicy": {
		spec: strings.Replace(watches, "argocd: {", "argocd: {sync: {window: HOLE}, ", 1), good: []string{"", "Fail", "Wait"}, bad: []string{"fail", "Terminate"},
	},
	"ForeignOperationPolicy": {
		spec: strings.Replace(watches, "argocd: {", "argocd: {sync: {onForeignOperation: HOLE}, ", 1), good: []string{"", "Wait", "Terminate"}, bad: []string{"wait", "Fail"},
	},
	"OnFailure": {
		spec: writes + "onFailure: HOLE", good: []string{"", "Keep", "Revert"}, bad: []string{"keep", "Rollback"},
	},
	"ValuePath": {
		spec:     "git: {url: 'https://h/a'}\nupdate: [{yaml: {file: a, path: HOLE, value: b}}]\n",
		good:     []string{"a", "image.tag", "servers[0].image", `"app.io/server".tag`, "[0][1].a", `a."b c"[9999]`, "a-b_c/d", "größe"},
		bad:      []string{"", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[12345]", "a.[0]", "a[0]b", `a"b`, `"a"b`, `""`, "a b", "a{b", "a(b", "a$b", "a\tb", "a\x7f", "\"a\nb\"", strings.Repeat(long, 4) + "a"},
		late:     []string{strings.Repeat("ü", 129)},
		alphabet: []string{"a", ".", "[", "]", "[0]", "0", `"`, `"b.c"`, " ", "$", "{", "ü", "\t"},
	},
	"LabelValue": {
		spec: "argocd: {secretRef: {name: s}, selector: {matchLabels: {a: HOLE}}}", good: []string{"", "a", "A_b.c-1", long[:63]}, bad: []string{"-a", "a-", "a b", "a/b", "ü", long},
		alphabet: []string{"a", "A", "1", "-", ".", "_", "/"},
	},
	"label's name": {
		spec: "argocd: {secretRef: {name: s}, selector: {matchLabels: {HOLE: a}}}", good: []string{"a", "app.kubernetes.io/part-of", "A_b", long[:63], "a.b-c/d"},
		bad:      []string{"", "a b", "/a", "a/", "a/b/c", "A/b", "-a", "a-", long, "a./b"},
		late:     []string{"a..b/c", "a.-b/c", strings.Repeat(long+".", 4) + "a/b"},
		alphabet: []string{"a", "A", "1", "-", ".", "_", "/"},
	},
	"Value": {
		spec: "git: {url: 'https://h/a'}\nupdate: [{yaml: {file: a, path: b, value: HOLE}}]\n", good: []string{"a", "  ", "$x", "größe", "{{ a }}", strings.Repeat(long, 16)}, bad: []string{"", "a\nb", "a\u0085b", "\t"},
		late:     []string{strings.Repeat("ü", 600)},
		alphabet: []string{"a", " ", "$", "\n", "ü"},
	},
}

// ruling is what the two say about one spec.
type ruling struct{ schema, request error }

// judge puts a value into the hole of a spec and shows it to both.
func (s server) judge(t *testing.T, spec, value string) ruling {
	t.Helper()
	quoted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte(`"HOLE"`), quoted, 1)
	object := deploy(t, "{}")
	var parsed any
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	object["spec"] = parsed
	var r ruling
	if said := s.refuse(t, object); said != nil {
		r.schema = errors.New(strings.Join(said, "; "))
	}
	in := request.Input{Kind: s.kind, Namespace: "n", Name: "r", UID: "u", Embedded: true, EmbeddedSpec: data}
	_, r.request = request.Resolve(t.Context(), in, nil, request.Defaults{})
	return r
}

// allGrammars gives each grammar to f, with the schema that its spec is for.
func allGrammars(t *testing.T, f func(t *testing.T, s server, g grammar)) {
	for file, some := range map[string]map[string]grammar{"300-crd-gitopsdeploys.yaml": grammars, "300-crd-gitopsprs.yaml": proposalGrammars} {
		s := load(t, file)
		for name, g := range some {
			t.Run(name, func(t *testing.T) { f(t, s, g) })
		}
	}
}

func TestSchemaAndRequestAgree(t *testing.T) {
	allGrammars(t, func(t *testing.T, s server, g grammar) {
		for kind, values := range map[string][]string{"good": g.good, "bad": g.bad, "late": g.late} {
			for _, value := range values {
				r := s.judge(t, g.spec, value)
				if (r.schema == nil) != (kind != "bad") || (r.request == nil) != (kind == "good") {
					t.Errorf("%q is %s; the schema: %v; the request: %v", value, kind, r.schema, r.request)
				}
			}
		}
	})
}

// TestWhatTheRequestTakesTheSchemaTakes: a spec that works embedded in a run can be stored as a definition. The other
// way round, a random value that passes the schema and no run takes is one of the late ones, which are few.
func TestWhatTheRequestTakesTheSchemaTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of specs")
	}
	allGrammars(t, func(t *testing.T, s server, g grammar) {
		if g.alphabet == nil {
			t.Skip("nothing to draw values from")
		}
		rapid.Check(t, func(rt *rapid.T) {
			value := strings.Join(rapid.SliceOfN(rapid.SampledFrom(g.alphabet), 0, 6).Draw(rt, "value"), "")
			if strings.Contains(value, "$(") {
				rt.Skip("a template")
			}
			r := s.judge(t, g.spec, value)
			if r.request == nil && r.schema != nil || r.request != nil && r.schema == nil && g.late == nil {
				rt.Fatalf("%q: the schema: %v; the request: %v", value, r.schema, r.request)
			}
		})
	})
}

// TestWholeSpecsAgree is the same for what fields have to do with each other.
func TestWholeSpecsAgree(t *testing.T) {
	s := load(t, "300-crd-gitopsdeploys.yaml")
	const two = "git: {url: 'https://h/a'}\nimages: [{name: a, newTag: '1'}, {name: b, newTag: '1'}]\n"
	for spec, good := range map[string]bool{
		watches: true, writes: true, writes + watches: true, "{}": false,
		watches + "restart: 'true'": true, writes + "restart: 'true'": false, writes + watches + "restart: 'true'": false,
		watches + "restart: 'true'\nverify: {workloads: [{kind: CronJob, name: a}]}": false, watches + "restart: 'false'\nverify: {workloads: [{kind: CronJob, name: a}]}": true,
		watches + "images: [{name: a}]": true, watches + "images: [{name: a}, {name: a}]": false,
		watches + "onFailure: Revert": false, writes + "onFailure: Revert": true, watches + "dryRun: 'true'": false, writes + "dryRun: 'true'": true,
		writes + "verify: {workloads: [{kind: Job, name: a}]}": false,
		two + "update: [{helm: {file: a, tag: b}}]":            false, two + "update: [{images: [a], helm: {file: a, tag: b}}]": true,
		two + "update: [{images: [a], helm: {file: a, tag: b, image: ''}}]": true, two + "update: [{images: [a], helm: {file: a, tag: b, image: c}}]": false,
		two + "update: [{images: [a], helm: {file: a, repository: b}}]": false,
		two + "update: [{yaml: {file: a, path: b}}]":                    false, two + "update: [{yaml: {file: a, path: b, value: c}}]": true,
		two + "update: [{images: [a], yaml: {file: a, path: b, value: c}}]": false,
		two + "update: [{}]": false, two + "update: [{kustomize: {path: a}, manifests: {path: a}}]": false,
		two + "update: [{kustomize: {path: a}}, {images: [b], manifests: {path: a}}, {kustomize: {path: a}}]": true,
		"argocd: {secretRef: {name: s}, selector: {matchLabels: {a: b}}}":                                     true, "argocd: {secretRef: {name: s}, selector: {matchLabels: {}}}": false,
		"argocd: {secretRef: {name: s}, selector: {matchLabels: {a: b}}, applications: []}":               true,
		"argocd: {secretRef: {name: s}, selector: {matchLabels: {a: b}}, applications: [{name: a}]}":      false,
		"argocd: {secretRef: {name: s}, applications: [{name: a}, {name: a}]}":                            false,
		"argocd: {secretRef: {name: s}, applications: [{name: a, project: p}, {name: a, namespace: ns}]}": true,
		"argocd: {secretRef: {name: s}, applications: [{name: a}], plaintext: 'true', insecure: 'true'}":  false,
	} {
		r := s.judge(t, spec, "")
		if (r.schema == nil) != good || (r.request == nil) != good {
			t.Errorf("%s\nwant %v; the schema: %v; the request: %v", spec, good, r.schema, r.request)
		}
	}
}

// TestEveryScalarHasAGrammar: a new kind of field needs a row above.
func TestEveryScalarHasAGrammar(t *testing.T) {
	for _, scalar := range []any{
		v1alpha1.Bool(""), v1alpha1.Duration(""), v1alpha1.Timeout(""), v1alpha1.Name(""), v1alpha1.Label(""), v1alpha1.URL(""), v1alpha1.Branch(""), v1alpha1.Path(""), v1alpha1.Host(""),
		v1alpha1.ImageName(""), v1alpha1.Tag(""), v1alpha1.Digest(""), v1alpha1.Line(""), v1alpha1.SyncOption(""), v1alpha1.WorkloadKind(""), v1alpha1.HealthScope(""), v1alpha1.Queue(""),
		v1alpha1.Transport(""), v1alpha1.WindowPolicy(""), v1alpha1.ForeignOperationPolicy(""), v1alpha1.OnFailure(""), v1alpha1.ValuePath(""), v1alpha1.LabelValue(""), v1alpha1.Value(""),
		v1alpha1.Provider(""), v1alpha1.APIURL(""), v1alpha1.Revision(""), v1alpha1.IssueLabel(""), v1alpha1.User(""), v1alpha1.Team(""), v1alpha1.MergeMethod(""), v1alpha1.ClosePolicy(""), v1alpha1.Wait(""),
	} {
		name := strings.TrimPrefix(fmt.Sprintf("%T", scalar), "v1alpha1.")
		_, deploys := grammars[name]
		if _, proposes := proposalGrammars[name]; !deploys && !proposes {
			t.Errorf("no grammar for %s", name)
		}
	}
}
