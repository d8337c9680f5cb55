package v1alpha1_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// proposes is a spec with a hole in pullRequest.
func proposes(hole string) string { return writes + "pullRequest: {" + hole + "}\n" }

// proposalGrammars are those of the fields that a GitOpsPR alone has.
var proposalGrammars = map[string]grammar{
	"Provider": {
		spec: proposes("provider: HOLE"), good: []string{"", "GitHub", "Gitea", "a-1", long[:63]}, bad: []string{"1a", "-a", "git hub", "a.b", "ü", long},
		alphabet: []string{"a", "B", "1", "-", ".", " "},
	},
	"APIURL": {
		spec: proposes("secretRef: {name: s}, apiURL: HOLE"),
		good: []string{"", "https://api.github.com", "HTTPS://Git.Corp/api/v3/", "http://127.0.0.1:3000/api/v1", "https://[2001:db8::1]:8443", "https://h/~a/b.c_d-e", "https://h/"},
		bad: []string{
			"h", "https://", "https:///a", "https:h", "ssh://h/a", "https://u@h", "https://u:p@h", "https://h/a?b", "https://h?", "https://h#", "https://h//a", "https://h/a//", "https://h/../a", "https://h/a/..", "https://h/.",
			"https://h/a b", "https://h/%41", "https://h/ü", "https://h:0", "https://h:0443", "https://h:/a", "https://a_b", "https://h/a\n", "git@h:a",
		},
		late:     []string{"https://h:65536", "https://[abc]"},
		alphabet: []string{"https://", "http://", "h", "a", ":", "/", "//", ".", "..", "-", "@", "443", "0", "?", "#", "~", " ", "_", "%41", "[::1]"},
	},
	"Revision": {
		spec: proposes("changes: {url: 'https://h/s', to: v1, from: HOLE}"), good: []string{"", "main", "refs/tags/v1.0", "0123456789abcdef0123456789abcdef01234567", "v1.0-rc.1", "größe", strings.Repeat("a", 244)},
		bad:      []string{"@", "-a", ".a", "/a", "a/", "a.", "a..b", "a//b", "a/.b", "a@{b", "a.lock", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`, "a\x7f", strings.Repeat("a", 245)},
		late:     []string{strings.Repeat("ü", 123)},
		alphabet: []string{"a", "b", "/", ".", "-", "@", "{", ".lock", "refs/", "[", "\\", "~", " ", "*", "ü"},
	},
	"IssueLabel": {
		spec: proposes("labels: [HOLE]"), good: []string{"", "a", "for prod", "kind/bug: ü", " a ", strings.Repeat("a", 100)}, bad: []string{"a,b", "a\nb", "\x00", strings.Repeat("a", 101)},
		late:     []string{strings.Repeat("ü", 51)},
		alphabet: []string{"a", " ", ",", "\n", "ü", "\x7f", "/"},
	},
	"User": {
		spec: proposes("reviewers: [HOLE]"), good: []string{"", "ann", "Ann-B_c.d", "ci[bot]", "_a", strings.Repeat("a", 100)}, bad: []string{"@ann", "a b", "a/b", "-a", ".a", "a[bot", "a[bot]b", "ü", strings.Repeat("a", 101)},
		alphabet: []string{"a", "B", "1", "-", ".", "_", "@", "[bot]", "/"},
	},
	"Team": {
		spec: proposes("teamReviewers: [HOLE]"), good: []string{"", "ops", "org/ops", "Org_1/a.b-c"}, bad: []string{"a/b/c", "/a", "a/", "@org/a", "a b", "-a", "a/-b", strings.Repeat("a", 101)},
		alphabet: []string{"a", "B", "1", "-", ".", "_", "@", "/"},
	},
	"assignee":    {spec: proposes("assignees: [HOLE]"), good: []string{"ann"}, bad: []string{"@ann"}},
	"branch":      {spec: proposes("branch: HOLE"), good: []string{"", "push-1.0", "a/b"}, bad: []string{"refs/heads/a", "a b", "a..b"}, late: []string{"main", "main/a"}},
	"base":        {spec: strings.Replace(proposes("branch: HOLE"), "git: {", "git: {branch: 'prod/eu', ", 1), good: []string{"", "prod-eu", "prod/us"}, bad: []string{"prod/eu"}, late: []string{"prod", "prod/eu/a"}},
	"MergeMethod": {spec: proposes("autoMerge: {method: HOLE}"), good: []string{"", "merge", "squash", "rebase"}, bad: []string{"Squash", "fast-forward"}},
	"ClosePolicy": {spec: proposes("supersede: HOLE"), good: []string{"", "Close", "Keep"}, bad: []string{"close", "Delete"}},
	"onCancel":    {spec: proposes("onCancel: HOLE"), good: []string{"", "Close", "Keep"}, bad: []string{"close", "Delete"}},
	"Wait":        {spec: writes + watches + "wait: HOLE\n", good: []string{"", "None", "Merged", "Deployed"}, bad: []string{"merged", "Synced", "true"}},
	"draft":       {spec: proposes("draft: HOLE"), good: []string{"", "true", "false"}, bad: []string{"yes"}},
	"title":       {spec: proposes("title: HOLE"), good: []string{"", "a", strings.Repeat("a", 256)}, bad: []string{strings.Repeat("a", 1025)}, late: []string{"a\nb", "\x07", strings.Repeat("a", 257)}},
	"body":        {spec: proposes("body: HOLE"), good: []string{"", "- [ ] [a](https://b)\n", strings.Repeat("a", 8192)}, bad: []string{strings.Repeat("a", 8193)}, late: []string{"\x07", strings.Repeat("<", 8192)}},
}

// fullProposal sets every field that a GitOpsDeploy has not.
const fullProposal = writes + watches + `
pullRequest:
  provider: GitHub
  apiURL: https://git.corp/api/v3
  secretRef: {name: forge}
  branch: push-1
  title: Update $(image.name)
  body: |
    - [ ] [Image vulnerabilities](https://scan.example.com)
  changes: {url: "https://h/s", from: v1, to: v2}
  labels: [release]
  reviewers: [ann]
  teamReviewers: [org/ops]
  assignees: ["ci[bot]"]
  draft: "false"
  autoMerge: {method: squash}
  supersede: Keep
  onCancel: Keep
wait: Deployed
dryRun: "true"
`

func TestGitOpsPRSchema(t *testing.T) {
	s := load(t, "300-crd-gitopsprs.yaml")
	many := "[" + strings.TrimSuffix(strings.Repeat("a, ", 21), ", ") + "]"
	const (
		two     = "git: {url: 'https://h/a'}\nimages: [{name: a, newTag: '1'}, {name: b, newTag: '1'}]\n"
		changes = "spec: pullRequest.changes needs from and to, unless there is exactly one of images, with newTag: then they are its tags"
		source  = "spec.pullRequest.changes: from and to need url: say where the source is"
		lock    = "spec: lock needs a name: without one a GitOpsPR takes no lock"
		nowhere = "spec: wait Deployed needs argocd.applications: say where it is deployed"
	)
	for name, tc := range map[string]struct {
		spec string
		want []string
	}{
		"everything": {spec: fullProposal},
		"the least":  {spec: writes},
		"variables everywhere": {spec: writes + watches + `
pullRequest: {provider: "$(params.a)", apiURL: "$(params.a)", secretRef: {name: "$(params.a)"}, branch: "$(params.a)", title: "$(params.a)", body: "$(params.a)",
  changes: {url: "$(params.a)", from: "$(params.a)", to: "$(params.a)"}, labels: ["$(params.l[*])"], reviewers: ["$(params.l[*])"], teamReviewers: ["$(params.l[*])"], assignees: ["$(params.l[*])"],
  draft: "$(params.a)", autoMerge: {method: "$(params.a)"}, supersede: "$(params.a)", onCancel: "$(params.a)"}
wait: "$(params.a)"
dryRun: "$(params.a)"
lock: {name: "$(params.a)", queue: "$(params.a)", timeout: "$(params.a)"}
`},
		"empty strings are as good as nothing": {spec: writes + `
pullRequest: {provider: "", apiURL: "", branch: "", title: "", body: "", changes: {url: "", from: "", to: ""}, labels: [""], reviewers: [""], teamReviewers: [""], assignees: [""],
  draft: "", autoMerge: {method: ""}, supersede: "", onCancel: ""}
wait: ""
dryRun: ""
lock: {name: "", queue: "", timeout: ""}
`},
		"no auto-merge for a draft":         {spec: proposes("draft: 'true', autoMerge: {method: ''}")},
		"as large as it may be":             {spec: writes + "pullRequest: {labels: " + strings.Replace(many, "a, ", "", 1) + ", body: " + strings.Repeat("b", 8192) + "}"},
		"nothing to propose":                {spec: "{}", want: []string{"spec: nothing to propose: set update"}},
		"only an application":               {spec: watches, want: []string{"spec: nothing to propose: set update"}},
		"update without images":             {spec: "update: [{kustomize: {path: a}}]", want: []string{"spec: update needs images: say which image to set"}},
		"update without tag":                {spec: "images: [{name: a}]\nupdate: [{kustomize: {path: a}}]", want: []string{"spec: update needs newTag or digest in each of images"}},
		"an image twice":                    {spec: "images: [{name: a, newTag: '1'}, {name: a, newTag: '2'}]\nupdate: [{kustomize: {path: a}}]", want: []string{"spec: images has a name twice"}},
		"helm of two images":                {spec: two + "update: [{helm: {file: a, tag: b}}]", want: []string{"spec: helm sets one image, and there are several: name it in the update's images"}},
		"value without value":               {spec: two + "update: [{yaml: {file: a, path: b}}]", want: []string{"spec: yaml needs a value, unless there is exactly one of images: then it is that one's tag"}},
		"restart":                           {spec: writes + "restart: 'true'", want: []string{"spec.restart: unknown"}},
		"onFailure":                         {spec: writes + "onFailure: Revert", want: []string{"spec.onFailure: unknown"}},
		"deployed nowhere":                  {spec: writes + "wait: Deployed", want: []string{nowhere}},
		"deployed by a server alone":        {spec: writes + "wait: Deployed\nargocd: {server: a}", want: []string{nowhere}},
		"deployed where labels say":         {spec: writes + "wait: Deployed\nargocd: {selector: {matchLabels: {a: b}}}"},
		"a lock with a name":                {spec: writes + "lock: {name: a, timeout: 1m}"},
		"a lock with a time only":           {spec: writes + "lock: {timeout: 1m}", want: []string{lock}},
		"a lock with a queue only":          {spec: writes + "lock: {name: '', queue: FIFO}", want: []string{lock}},
		"branch and base are one":           {spec: strings.Replace(proposes("branch: env/dev"), "git: {", "git: {branch: env/dev, ", 1), want: []string{"spec: pullRequest.branch is git.branch, the one to merge into: name another"}},
		"draft and auto-merge":              {spec: proposes("draft: 'true', autoMerge: {method: merge}"), want: []string{"spec.pullRequest: draft and autoMerge exclude each other: a draft is not merged"}},
		"auto-merge without method":         {spec: proposes("autoMerge: {}"), want: []string{"spec.pullRequest.autoMerge.method: "}},
		"changes by the tags":               {spec: proposes("changes: {url: 'https://h/s'}")},
		"changes by the tags of two":        {spec: two + "update: [{kustomize: {path: a}}]\npullRequest: {changes: {url: 'https://h/s', from: v1}}", want: []string{changes}},
		"changes by a digest":               {spec: strings.Replace(proposes("changes: {url: 'https://h/s', to: v1}"), "newTag: '1'", "digest: '"+sha+"'", 1), want: []string{changes}},
		"changes of two, said":              {spec: two + "update: [{kustomize: {path: a}}]\npullRequest: {changes: {url: 'https://h/s', from: v1, to: v2}}"},
		"changes without a source":          {spec: proposes("changes: {from: v1}"), want: []string{source}},
		"changes with an empty source":      {spec: proposes("changes: {url: '', to: v1}"), want: []string{source}},
		"labels":                            {spec: proposes("labels: " + many), want: []string{"spec.pullRequest.labels: must have at most 20 items"}},
		"reviewers":                         {spec: proposes("reviewers: " + many), want: []string{"spec.pullRequest.reviewers: must have at most 20 items"}},
		"Secret of another namespace":       {spec: proposes("secretRef: {name: other/s}"), want: []string{"spec.pullRequest.secretRef.name: write the name of an object: lower case letters, digits, '-' and '.'"}},
		"boolean without quotes":            {spec: proposes("draft: true"), want: []string{`spec.pullRequest.draft: spec.pullRequest.draft in body must be of type string: "boolean"`}},
		"source with a password":            {spec: proposes("changes: {url: 'https://a:b@h/s'}"), want: []string{"spec.pullRequest.changes.url: write https://HOST/PATH or ssh://git@HOST/PATH, without password, query or fragment"}},
		"unknown field of the pull request": {spec: proposes("milestone: a"), want: []string{"spec.pullRequest.milestone: unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, s.refuse(t, deploy(t, tc.spec))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWholeProposalsAgree: the schema and package request say the same of what fields have to do with each other.
func TestWholeProposalsAgree(t *testing.T) {
	s := load(t, "300-crd-gitopsprs.yaml")
	const (
		two   = "git: {url: 'https://h/a'}\nimages: [{name: a, newTag: '1'}, {name: b, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]\n"
		value = "git: {url: 'https://h/a'}\nupdate: [{yaml: {file: a, path: b, value: c}}]\n"
	)
	for spec, good := range map[string]bool{
		fullProposal: true, writes: true, value: true, "{}": false, watches: false, writes + "wait: Deployed": false, writes + watches + "wait: Deployed": true, writes + watches + "wait: None": true,
		writes + "lock: {name: a}": true, writes + "lock: {timeout: 1m}": false, writes + "lock: {name: '', timeout: ''}": true,
		proposes("draft: 'true', autoMerge: {method: merge}"): false, proposes("draft: 'false', autoMerge: {method: merge}"): true, proposes("draft: 'true', autoMerge: {method: ''}"): true,
		proposes("changes: {url: 'https://h/s'}"): true, proposes("changes: {from: a}"): false, proposes("changes: {}"): true,
		two + "pullRequest: {changes: {url: 'https://h/s'}}": false, two + "pullRequest: {changes: {url: 'https://h/s', from: a, to: b}}": true, two + "pullRequest: {changes: {url: 'https://h/s', to: b}}": false,
		value + "pullRequest: {changes: {url: 'https://h/s'}}": false, writes + "restart: 'true'": false, writes + "onFailure: Keep": false,
	} {
		r := s.judge(t, spec, "")
		if (r.schema == nil) != good || (r.request == nil) != good {
			t.Errorf("%s\nwant %v; the schema: %v; the request: %v", spec, good, r.schema, r.request)
		}
	}
}
