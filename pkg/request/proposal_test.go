package request

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// proposed are the parameters that nearly every pull request has.
func proposed(more ...pipelinev1beta1.Param) []pipelinev1beta1.Param {
	return append(usual()[:4], more...)
}

func deployed(more ...pipelinev1beta1.Param) []pipelinev1beta1.Param {
	return usual(append(more, param("wait", "Deployed"))...)
}

// proposal is what proposed resolves to.
func proposal() Request {
	r := usualRequest()
	r.Lock.Name, r.ArgoCD = "", nil
	r.PullRequest = &PullRequest{
		Branch: "tekton-gitops/main/server-1.10-76c46ce0",
		Title:  Message{{Text: "Update "}, {Variable: "image.name"}, {Text: " to "}, {Variable: "image.tag"}},
		Wait:   WaitNone,
	}
	return r
}

func proposalBy(params []pipelinev1beta1.Param) Input {
	in := byParameters(params...)
	in.Kind = v1alpha1.KindGitOpsPR
	return in
}

func embeddedProposal(t *testing.T, spec string, params ...pipelinev1beta1.Param) Input {
	t.Helper()
	in := embedded(t, spec, params...)
	in.Kind = v1alpha1.KindGitOpsPR
	return in
}

func TestPullRequestByParameters(t *testing.T) {
	several := []pipelinev1beta1.Param{param("repo-url", "https://github.com/org/catalog.git"), param("path", "overlays/dev"), arrayParam("images", "a:1", "b:2")}
	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     func(r *Request)
	}{
		"the usual": {params: proposed(), want: func(*Request) {}},
		"empty values count as not given, those of the other kind too": {
			params: proposed(param("title", ""), param("body", ""), param("pr-branch", ""), arrayParam("labels"), arrayParam("reviewers", ""), param("draft", ""), param("auto-merge", ""),
				param("wait", ""), param("lock", ""), param("lock-timeout", ""), param("restart", ""), param("on-failure", ""), param("argocd-application", ""), param("changes-from", ""), arrayParam("images", "")),
			want: func(*Request) {},
		},
		"everything": {
			params: deployed(param("title", "Release $(image.tag) $(params.x)"), param("body", "was $(previous-image)\n\n- [ ] ok"), param("pr-branch", "push-1"),
				arrayParam("labels", "release", " for prod ", "release", ""), arrayParam("reviewers", "ann"), arrayParam("team-reviewers", "org/ops", "qa"), arrayParam("assignees", "ci[bot]"),
				param("auto-merge", "rebase"), param("draft", "false"), param("supersede", "Keep"), param("on-cancel", "Keep"), param("pr-provider", "Gitea"),
				param("pr-api-url", "HTTPS://Forge.example.com:3000/api/v1/"), param("pr-secret", "forge"), param("changes-url", "https://github.com/org/source"), param("lock", "l"), param("lock-timeout", "1m")),
			want: func(r *Request) {
				r.ArgoCD = usualRequest().ArgoCD
				r.Lock = Lock{Name: "l", Timeout: duration(time.Minute)}
				r.PullRequest = &PullRequest{
					Provider: "Gitea", APIURL: "https://forge.example.com:3000/api/v1", Secret: "forge", Branch: "push-1",
					Title: Message{{Text: "Release "}, {Variable: "image.tag"}, {Text: " $(params.x)"}}, Body: Message{{Text: "was "}, {Variable: "previous-image"}, {Text: "\n\n- [ ] ok"}},
					Changes: &Changes{URL: "https://github.com/org/source"},
					Labels:  []string{"release", "for prod"}, Reviewers: []string{"ann"}, TeamReviewers: []string{"org/ops", "qa"}, Assignees: []string{"ci[bot]"},
					AutoMerge: "rebase", KeepOlder: true, KeepOnCancel: true, Wait: WaitDeployed,
				}
			},
		},
		"several images": {params: several, want: func(r *Request) {
			r.Images = []image.Want{{Name: "a", NewTag: "1"}, {Name: "b", NewTag: "2"}}
			r.Git.Message = Message{{Text: "Update images in git"}}
			r.PullRequest.Title, r.PullRequest.Branch = Message{{Text: "Update images"}}, "tekton-gitops/main/update-404c10e3"
		}},
		"a digest": {
			params: append(without(proposed(), "tag"), param("digest", sha)),
			want: func(r *Request) {
				r.Images[0] = image.Want{Name: "quay.io/org/server", Digest: sha}
				r.PullRequest.Title[3].Variable = "image.digest"
				r.PullRequest.Branch = "tekton-gitops/main/server-0123456789ab-565ed53e"
			},
		},
		"changes between two commits": {
			params: append(several, param("changes-url", "git@h:a/b"), param("changes-from", "v1"), param("changes-to", "0123abc")),
			want: func(r *Request) {
				r.Images = []image.Want{{Name: "a", NewTag: "1"}, {Name: "b", NewTag: "2"}}
				r.Git.Message = Message{{Text: "Update images in git"}}
				r.PullRequest.Title, r.PullRequest.Branch = Message{{Text: "Update images"}}, "tekton-gitops/main/update-404c10e3"
				r.PullRequest.Changes = &Changes{URL: "git@h:a/b", From: "v1", To: "0123abc"}
			},
		},
		"defaults for deployments, and for both": {
			params: proposed(),
			defaults: map[string]string{
				"argocd-server": "argo", "argocd-secret": "s", "argocd-application": "a", "workload": "Job/a", "container": "c", "health": "Workloads", "verify-timeout": "1s", "sync-timeout": "1s",
				"lock": "all", "lock-timeout": "1s", "restart": "true", "on-failure": "Revert", "update": "none", "author-name": "CI", "labels": `["release"]`, "supersede": "Keep", "body": "see $(image)",
			},
			want: func(r *Request) {
				r.Git.Author.Name = "CI"
				r.PullRequest.Labels, r.PullRequest.KeepOlder, r.PullRequest.Body = []string{"release"}, true, Message{{Text: "see "}, {Variable: "image"}}
			},
		},
		"a default way to write": {params: proposed(), defaults: map[string]string{"update": "manifests", "container": "c"}, want: func(r *Request) {
			r.Updates = []Update{{Manifests: &Manifests{Path: "overlays/dev", Container: "c"}}}
			r.PullRequest.Branch = "tekton-gitops/main/server-1.10-3e53b8b2"
		}},
		"a draft, where merging is automatic by default":  {params: proposed(param("draft", "true")), defaults: map[string]string{"auto-merge": "squash"}, want: func(r *Request) { r.PullRequest.Draft = true }},
		"merging automatic, where drafts are the default": {params: proposed(param("auto-merge", "squash")), defaults: map[string]string{"draft": "true"}, want: func(r *Request) { r.PullRequest.AutoMerge = "squash" }},
		"no draft, where merging is automatic by default": {params: proposed(param("draft", "false")), defaults: map[string]string{"auto-merge": "squash"}, want: func(r *Request) { r.PullRequest.AutoMerge = "squash" }},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), proposalBy(tc.params), stored{}, defaults)
			if err != nil {
				t.Fatal(err)
			}
			want := proposal()
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			data, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var back Request
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("through JSON (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEachKindHasItsParameters: what is for the other kind is told so, and a default of it is passed over.
func TestEachKindHasItsParameters(t *testing.T) {
	for name, tc := range map[string]struct {
		in   Input
		want string
	}{
		"restart of a pull request":    {proposalBy(proposed(param("restart", "true"))), `parameter "restart": is for a GitOpsDeploy, and this is a GitOpsPR: leave it out`},
		"on-failure of a pull request": {proposalBy(proposed(param("on-failure", "Keep"))), `parameter "on-failure": is for a GitOpsDeploy, and this is a GitOpsPR: leave it out`},
		"wait of a deployment":         {byParameters(usual(param("wait", "None"))...), `parameter "wait": is for a GitOpsPR, and this is a GitOpsDeploy: leave it out`},
		"labels of a deployment":       {byParameters(usual(arrayParam("labels", "a"))...), `parameter "labels": is for a GitOpsPR, and this is a GitOpsDeploy: leave it out`},
		"an unknown one": {proposalBy(proposed(param("titel", "a"))),
			`parameter "titel": unknown; known are ` + strings.Join(parameterNames(v1alpha1.KindGitOpsPR), ", ")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Resolve(t.Context(), tc.in, stored{}, Defaults{})
			if diff := cmp.Diff("invalid parameters: "+tc.want, text(err)); diff != "" || !errors.Is(err, ErrInvalidParameters) {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got, err := Resolve(t.Context(), byParameters(usual(param("title", ""), arrayParam("labels", ""), arrayParam("reviewers"))...), stored{}, Defaults{})
	if diff := cmp.Diff(usualRequest(), got); diff != "" || err != nil {
		t.Errorf("a deployment with empty parameters of a pull request: %v (-want +got):\n%s", err, diff)
	}
	all := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: map[string]string{"title": "a\nb", "labels": `["a,b"]`, "wait": "Forever", "changes-url": "x"}})
	got, err = Resolve(t.Context(), byParameters(usual()...), stored{}, all)
	if diff := cmp.Diff(usualRequest(), got); diff != "" || err != nil {
		t.Errorf("a deployment with defaults for pull requests: %v (-want +got):\n%s", err, diff)
	}
}

func TestPullRequestByParametersRefuses(t *testing.T) {
	const unused = ": says nothing without parameter \"wait\": Deployed"
	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     string
	}{
		"nothing at all":                    {want: `parameter "path": missing: give the directory with the kustomization file`},
		"no change":                         {params: proposed(param("update", "none")), want: `parameter "update": is none: a pull request needs a change to propose`},
		"another update":                    {params: proposed(param("update", "jsonnet")), want: `parameter "update": is "jsonnet": write kustomize, helm, manifests or yaml`},
		"an application, and nobody waits":  {params: usual(), want: `parameter "argocd-server"` + unused + `; parameter "argocd-secret"` + unused + `; parameter "argocd-application"` + unused},
		"a health, until it is merged":      {params: proposed(param("health", "Workloads"), param("wait", "Merged")), want: `parameter "health"` + unused},
		"a container alone":                 {params: proposed(param("container", "c")), want: `parameter "container"` + unused},
		"deployed nowhere":                  {params: proposed(param("wait", "Deployed")), want: `parameter "argocd-application": missing: wait is Deployed, so say where it is deployed`},
		"wait that is none":                 {params: usual(param("wait", "deployed")), want: `parameter "wait": is "deployed": write None, Merged or Deployed`},
		"time for no lock":                  {params: proposed(param("lock-timeout", "1m")), want: `parameter "lock-timeout": says nothing without parameter "lock": a pull request takes a lock only by its name`},
		"draft and auto-merge":              {params: proposed(param("draft", "true"), param("auto-merge", "merge")), want: `parameter "auto-merge": excludes draft: a draft is not merged`},
		"draft and auto-merge by default":   {params: proposed(), defaults: map[string]string{"draft": "true", "auto-merge": "merge"}, want: `key "auto-merge" of ConfigMap team-a/config-gitops-defaults: excludes draft: a draft is not merged`},
		"method that is none":               {params: proposed(param("auto-merge", "fast-forward")), want: `parameter "auto-merge": is "fast-forward": write merge, squash or rebase`},
		"branch of the base":                {params: proposed(param("pr-branch", "main")), want: `parameter "pr-branch": is "main", the branch to merge into: name another`},
		"branch below the base":             {params: proposed(param("pr-branch", "main/x")), want: `parameter "pr-branch": is "main/x", which git cannot have next to the branch "main": name one that does not begin with it`},
		"branch above the base":             {params: proposed(param("pr-branch", "release"), param("branch", "release/1")), want: `parameter "pr-branch": is "release", which git cannot have next to the branch "release/1": name one that does not begin with it`},
		"base that derived ones are below":  {params: proposed(param("branch", "tekton-gitops")), want: `parameter "pr-branch": is "tekton-gitops/tekton-gitops/server-1.10-`},
		"branch that is none":               {params: proposed(param("pr-branch", "a b")), want: `parameter "pr-branch": is "a b": write the short name of a branch, such as main`},
		"title of two lines":                {params: proposed(param("title", "a\nb")), want: `parameter "title": has several lines: write one`},
		"title of two lines, with an image": {params: proposed(param("title", "a\n$(image)")), want: `parameter "title": has several lines: write one`},
		"title too long":                    {params: proposed(param("title", strings.Repeat("a", 257))), want: `parameter "title": has 257 bytes: at most 256`},
		"body too long":                     {params: proposed(param("body", strings.Repeat("a", 8193))), want: `parameter "body": has 8193 bytes: at most 8192`},
		"body with a bell":                  {params: proposed(param("body", "\x07")), want: `parameter "body": holds control characters`},
		"body too long as it is stored":     {params: proposed(param("body", strings.Repeat("<", 8192))), want: `the resolved request has 49934 bytes, at most 16384 can be kept: shorten the texts or the lists`},
		"title about one of two images": {params: append(without(proposed(), "image", "tag"), arrayParam("images", "a:1", "b:1"), param("title", "to $(image)")),
			want: `parameter "title": uses $(image), which has a value when exactly one image is set, and there are 2`},
		"label with a comma":       {params: proposed(arrayParam("labels", "a,b")), want: `parameter "labels": has "a,b": write one line without commas`},
		"label too long":           {params: proposed(arrayParam("labels", strings.Repeat("a", 101))), want: `parameter "labels": "` + strings.Repeat("a", 80) + `…" has 101 bytes: at most 100`},
		"too many labels":          {params: proposed(arrayParam("labels", manyNames(21)...)), want: `parameter "labels": has 21 items: at most 20`},
		"user with an at":          {params: proposed(arrayParam("reviewers", "@ann")), want: `parameter "reviewers": is "@ann": write the name of a user, without '@'`},
		"team with a space":        {params: proposed(arrayParam("team-reviewers", "the team")), want: `parameter "team-reviewers": is "the team": write the name of a team, or organisation/team`},
		"assignee with a variable": {params: proposed(arrayParam("assignees", "$(x)")), want: `parameter "assignees": holds a variable that nothing has replaced: "$(x)"`},
		"provider that is none":    {params: proposed(param("pr-provider", "git hub")), want: `parameter "pr-provider": is "git hub": write the name of a kind of git host, such as GitHub or Gitea`},
		"policy that is none":      {params: proposed(param("supersede", "Merge"), param("on-cancel", "keep")), want: `parameter "supersede": is "Merge": write Close or Keep; parameter "on-cancel": is "keep": write Close or Keep`},
		"another namespace's secret": {params: proposed(param("pr-secret", "other/s")),
			want: `parameter "pr-secret": is "other/s": name a Secret of the run's own namespace; no other can be used`},
		"API elsewhere": {params: proposed(param("pr-api-url", "https://evil.example.com")),
			want: `parameter "pr-secret": missing: apiURL is not of the git host, and the token of git's Secret goes to that host, and api. in front of it, only: name a Secret with a token for apiURL`},
		"API with a password":      {params: proposed(param("pr-api-url", "https://me:hunter2@api.github.com")), want: `parameter "pr-api-url": holds a user name or password: put them into a Secret, and take them out of the URL everywhere`},
		"changes without a tag":    {params: append(without(proposed(), "tag"), param("digest", sha), param("changes-url", "https://h/a")), want: `parameter "changes-from": missing: only where exactly one image is set, to a tag, the revision can be taken from that`},
		"changes to nothing":       {params: append(without(proposed(), "tag"), param("digest", sha), param("changes-url", "https://h/a"), param("changes-from", "v1")), want: `parameter "changes-to": missing: only where exactly one image is set, to a tag, the revision can be taken from that`},
		"changes of nothing":       {params: proposed(param("changes-from", "v1")), want: `parameter "changes-from": says nothing without parameter "changes-url"`},
		"changes of no repository": {params: proposed(param("changes-url", "https://h")), want: `parameter "changes-url": has no usable path: write https://HOST/PATH, without '..' and '//'`},
		"changes from no revision": {params: proposed(param("changes-url", "https://h/a"), param("changes-from", "-x")), want: `parameter "changes-from": is "-x": write a branch, a tag or a commit`},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), proposalBy(tc.params), stored{}, defaults)
			if want := "invalid parameters: " + tc.want; !errors.Is(err, ErrInvalidParameters) || text(err) != want && (!strings.HasSuffix(want, "-") || !strings.HasPrefix(text(err), want)) {
				t.Errorf("error\n%s\nwant\n%s", text(err), want)
			}
			if diff := cmp.Diff(Request{}, got); diff != "" {
				t.Errorf("a request with an error:\n%s", diff)
			}
		})
	}
}

const proposalSpec = `
git: {url: "https://github.com/org/catalog.git"}
images: [{name: quay.io/org/server, newTag: "1.10"}]
update: [{kustomize: {path: overlays/dev}}]
`

func TestEmbeddedPullRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		spec     string
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     func(r *Request)
	}{
		"the usual": {spec: proposalSpec, want: func(*Request) {}},
		"what empty parameters make": {
			spec: proposalSpec + "params: [{name: none, default: ''}, {name: list, default: []}]\nwait: $(params.none)\nlock: {name: $(params.none)}\n" +
				"pullRequest: {title: $(params.none), branch: $(params.none), autoMerge: {method: $(params.none)}, draft: 'true', labels: ['$(params.none)', '$(params.list[*])'], changes: {url: $(params.none)}, secretRef: {name: $(params.none)}}",
			want: func(r *Request) { r.PullRequest.Draft = true },
		},
		"variables in the texts": {
			spec: proposalSpec + "params: [{name: gate, default: '$(image)'}]\npullRequest: {title: '$(context.pipelineRun.name)$$(x) $(image.tag)', body: '$(params.gate) $(previous-image)'}",
			want: func(r *Request) {
				r.PullRequest.Title = Message{{Text: "$(x) "}, {Variable: "image.tag"}}
				r.PullRequest.Body = Message{{Text: "$(image) "}, {Variable: "previous-image"}}
			},
		},
		"a definition for runs that wait, and one that does not": {
			spec: proposalSpec + "wait: Merged\nargocd: {server: 'not a host', applications: [{name: ''}]}\nverify: {timeout: soon}",
			want: func(r *Request) { r.PullRequest.Wait = WaitMerged },
		},
		"a list of all items": {
			spec: proposalSpec + "params: [{name: who, type: array}]\npullRequest: {reviewers: ['$(params.who[*])', dan], teamReviewers: [\"\"]}", params: []pipelinev1beta1.Param{arrayParam("who", "ann", "ben")},
			want: func(r *Request) { r.PullRequest.Reviewers = []string{"ann", "ben", "dan"} },
		},
		"defaults": {
			spec: proposalSpec + "pullRequest: {body: own, assignees: [own], labels: [\"\"]}",
			defaults: map[string]string{
				"title": "to $(image.tag)", "body": "x", "labels": `["release"]`, "reviewers": `["ann"]`, "assignees": `["x"]`, "team-reviewers": `["org/ops"]`, "supersede": "Keep", "on-cancel": "Keep",
				"pr-provider": "GitHub", "pr-api-url": "https://api.github.com", "pr-secret": "forge", "argocd-server": "argo", "argocd-secret": "s", "lock": "all", "lock-timeout": "1s",
				"wait": "Deployed", "draft": "true", "auto-merge": "merge", "pr-branch": "x", "changes-url": "https://h/a", "restart": "true", "on-failure": "Revert", "dry-run": "true",
			},
			want: func(r *Request) {
				r.PullRequest = &PullRequest{
					Provider: "GitHub", APIURL: "https://api.github.com", Secret: "forge", Branch: r.PullRequest.Branch,
					Title: Message{{Text: "to "}, {Variable: "image.tag"}}, Body: Message{{Text: "own"}},
					Labels: []string{"release"}, Reviewers: []string{"ann"}, TeamReviewers: []string{"org/ops"}, Assignees: []string{"own"},
					KeepOlder: true, KeepOnCancel: true, Wait: WaitNone,
				}
			},
		},
		"a default time for a lock with a name": {
			spec: proposalSpec + "lock: {name: l}", defaults: map[string]string{"lock": "all", "lock-timeout": "1s"},
			want: func(r *Request) { r.Lock = Lock{Name: "l", Timeout: duration(time.Second)} },
		},
		"values without an image": {
			spec: "git: {url: 'https://github.com/org/catalog.git'}\nupdate: [{yaml: {file: a, path: b, value: c}}]",
			want: func(r *Request) {
				r.Images, r.Updates = nil, []Update{{YAML: &YAML{File: "a", Path: "b", Value: "c"}}}
				r.Git.Message, r.PullRequest.Title = Message{{Text: "Update values in git"}}, Message{{Text: "Update values"}}
				r.PullRequest.Branch = "tekton-gitops/main/update-922c8efe"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), embeddedProposal(t, tc.spec, tc.params...), stored{}, defaults)
			if err != nil {
				t.Fatal(err)
			}
			want := standalone(proposal())
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmbeddedPullRequestRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ spec, want string }{
		"nothing":                     {"{}", "spec.update: missing: a pull request needs a change to propose"},
		"only an application":         {"argocd: {secretRef: {name: s}, applications: [{name: a}]}", "spec.update: missing: a pull request needs a change to propose"},
		"restart":                     {proposalSpec + "restart: 'true'", "spec.restart: unknown field; known here are argocd, dryRun, git, images, lock, params, pullRequest, update, verify, wait"},
		"deployed nowhere":            {proposalSpec + "wait: Deployed", "spec.argocd.applications[0].name: missing: wait is Deployed, so say where it is deployed"},
		"a lock without a name":       {proposalSpec + "lock: {timeout: 1m}", "spec.lock.name: missing: a pull request takes a lock only by its name"},
		"image outside of a text":     {proposalSpec + "pullRequest: {branch: 'push-$(image.tag)'}", "spec.pullRequest.branch: $(image.tag) has a value in git.message and pullRequest.title and pullRequest.body only"},
		"unknown variable in a title": {proposalSpec + "pullRequest: {title: '$(x)'}", "spec.pullRequest.title: unknown variable $(x): known are $(params.NAME), $(context.customRun.name), $(context.customRun.namespace), $(context.customRun.uid), $(context.pipeline.name), $(context.pipelineRun.name)"},
		"a body that does not end":    {proposalSpec + "pullRequest: {body: 'a $(b'}", "spec.pullRequest.body: $( without a closing parenthesis: write $$( for the plain characters"},
		"changes without a source":    {proposalSpec + "pullRequest: {changes: {from: v1}}", "spec.pullRequest.changes.url: missing: from and to are revisions of it"},
		"API elsewhere":               {proposalSpec + "pullRequest: {apiURL: 'https://github.com:8443'}", "spec.pullRequest.secretRef.name: missing: apiURL is not of the git host, and the token of git's Secret goes to that host, and api. in front of it, only: name a Secret with a token for apiURL"},
		"no repository":               {strings.Replace(proposalSpec, "https://github.com/org/catalog.git", "", 1) + "pullRequest: {apiURL: 'https://api.github.com'}", "spec.git.url: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Resolve(t.Context(), embeddedProposal(t, tc.spec), stored{}, Defaults{})
			if diff := cmp.Diff("invalid spec: "+tc.want, text(err)); diff != "" || !errors.Is(err, ErrInvalidSpec) {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
