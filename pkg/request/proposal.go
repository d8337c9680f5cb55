package request

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const (
	// maxPeople bounds labels, reviewers, teams and assignees, each, and maxPersonBytes one of them.
	maxPeople      = 20
	maxPersonBytes = 100
	// maxTitleBytes and maxBodyBytes bound the texts before the image's variables are filled in.
	maxTitleBytes = 256
	maxBodyBytes  = 8 << 10
)

// Values of pullRequest.supersede and pullRequest.onCancel.
const (
	policyClose = "Close"
	policyKeep  = "Keep"
)

// mergeMethods are the values of pullRequest.autoMerge.method.
func mergeMethods() []string { return []string{"merge", "squash", "rebase"} }

var (
	providerForm = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]{0,62}$`)
	userForm     = regexp.MustCompile(`^[A-Za-z0-9_][-A-Za-z0-9._]*(\[bot\])?$`)
	teamForm     = regexp.MustCompile(`^[A-Za-z0-9_][-A-Za-z0-9._]*(/[A-Za-z0-9_][-A-Za-z0-9._]*)?$`)
)

// pullRequest checks what is proposed in r, whose images, updates and branch are known.
func (c checks) pullRequest(s spec, texts messages, r Request) *PullRequest {
	given := s.PullRequest
	if given == nil {
		given = &v1alpha1.PullRequest{}
	}
	wants := r.Images
	pr := &PullRequest{
		Provider:      c.form("pullRequest.provider", string(given.Provider), providerForm, "the name of a kind of git host, such as GitHub or Gitea"),
		APIURL:        c.apiURL("pullRequest.apiURL", string(given.APIURL)),
		Secret:        c.secretRef("pullRequest.secretRef", given.SecretRef),
		Title:         c.title("pullRequest.title", texts[titleField], wants),
		Body:          c.text("pullRequest.body", texts[bodyField], len(wants), maxBodyBytes),
		Changes:       c.changes(given.Changes, wants),
		Labels:        people(c, "pullRequest.labels", given.Labels, c.issueLabel),
		Reviewers:     people(c, "pullRequest.reviewers", given.Reviewers, c.user),
		TeamReviewers: people(c, "pullRequest.teamReviewers", given.TeamReviewers, c.team),
		Assignees:     people(c, "pullRequest.assignees", given.Assignees, c.user),
		Draft:         c.boolean("pullRequest.draft", string(given.Draft)),
		KeepOlder:     c.choice("pullRequest.supersede", string(given.Supersede), policyClose, policyKeep),
		KeepOnCancel:  c.choice("pullRequest.onCancel", string(given.OnCancel), policyClose, policyKeep),
		Wait:          Wait(c.oneOf("wait", string(s.Wait), string(WaitNone), string(WaitMerged), string(WaitDeployed))),
	}
	pr.Wait = cmp.Or(pr.Wait, WaitNone)
	if given.AutoMerge != nil {
		pr.AutoMerge = c.oneOf("pullRequest.autoMerge.method", string(given.AutoMerge.Method), mergeMethods()...)
	}
	if pr.Draft && pr.AutoMerge != "" {
		c.add("pullRequest.autoMerge.method", "excludes draft: a draft is not merged")
	}
	pr.Branch = c.branch("pullRequest.branch", string(given.Branch), branchFor(r))
	c.otherBranch("pullRequest.branch", pr.Branch, r.Git.Branch)
	if pr.APIURL != "" && pr.Secret == "" && r.Git.URL != "" && !tokenMayGo(r.Git.URL, pr.APIURL) {
		c.add("pullRequest.secretRef.name", "missing: apiURL is not of the git host, and the token of git's Secret goes to that host, and api. in front of it, only: name a Secret with a token for apiURL")
	}
	return pr
}

// oneOf checks that v is one of the words, or empty.
func (c checks) oneOf(field, v string, words ...string) string {
	if v != "" && !slices.Contains(words, v) {
		last := len(words) - 1
		c.add(field, "is %q: write %s or %s", clip(v), strings.Join(words[:last], ", "), words[last])
	}
	return v
}

// form checks that v is empty or matches.
func (c checks) form(field, v string, form *regexp.Regexp, what string) string {
	if v != "" && c.plain(field, v) && !form.MatchString(v) {
		c.add(field, "is %q: write %s", clip(v), what)
	}
	return v
}

// people checks each item of a list, and drops those that are empty or there twice.
func people[T ~string](c checks, field string, items []T, check func(field, v string) string) []string {
	var all []string
	for _, item := range items {
		v := check(field, strings.TrimSpace(string(item)))
		if v == "" || slices.Contains(all, v) {
			continue
		}
		if len(v) > maxPersonBytes {
			c.add(field, "%q has %d bytes: at most %d", clip(v), len(v), maxPersonBytes)
		}
		all = append(all, v)
	}
	if len(all) > maxPeople {
		c.add(field, "has %d items: at most %d", len(all), maxPeople)
	}
	return all
}

// issueLabel: hosts take lists of labels with commas between them.
func (c checks) issueLabel(field, v string) string {
	if c.plain(field, v) && strings.ContainsFunc(v, func(r rune) bool { return r == ',' || unicode.IsControl(r) }) {
		c.add(field, "has %q: write one line without commas", clip(v))
	}
	return v
}

func (c checks) user(field, v string) string {
	return c.form(field, v, userForm, "the name of a user, without '@'")
}

func (c checks) team(field, v string) string {
	return c.form(field, v, teamForm, "the name of a team, or organisation/team")
}

// title is one line, as far as it is known before the image's variables are filled in.
func (c checks) title(field string, m Message, wants []image.Want) Message {
	if m.blank() {
		return defaultTitle(wants)
	}
	x := ImageVariables{Image: "x", Name: "x", Tag: "x", Digest: "x", Previous: "x"}
	if strings.ContainsAny(strings.TrimSpace(RenderMessage(m, x)), "\r\n") {
		c.add(field, "has several lines: write one")
	}
	return c.text(field, m, len(wants), maxTitleBytes)
}

func defaultTitle(wants []image.Want) Message {
	switch {
	case len(wants) == 0:
		return Message{{Text: "Update values"}}
	case len(wants) > 1:
		return Message{{Text: "Update images"}}
	}
	version := MessagePart{Variable: varImageTag}
	if wants[0].NewTag == "" {
		version.Variable = varImageDigest
	}
	return Message{{Text: "Update "}, {Variable: varImageName}, {Text: " to "}, version}
}

func (c checks) changes(given *v1alpha1.Changes, wants []image.Want) *Changes {
	if given == nil {
		return nil
	}
	one := &Changes{From: c.revision("pullRequest.changes.from", string(given.From)), To: c.revision("pullRequest.changes.to", string(given.To))}
	if given.URL == "" {
		if one.From+one.To != "" {
			c.add("pullRequest.changes.url", "missing: from and to are revisions of it")
		}
		return nil
	}
	one.URL = c.repository("pullRequest.changes.url", string(given.URL))
	if (one.From == "" || one.To == "") && (len(wants) != 1 || wants[0].NewTag == "") {
		missing := "pullRequest.changes.from"
		if one.From != "" {
			missing = "pullRequest.changes.to"
		}
		c.add(missing, "missing: only where exactly one image is set, to a tag, the revision can be taken from that")
	}
	return one
}
