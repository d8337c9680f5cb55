package gitrepo

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Texts as git and the forges write them.
func TestVerdict(t *testing.T) {
	cases := map[string]struct {
		unpack, status, said string
		want                 error
		words                string
	}{
		"accepted":                 {"ok", "ok", "Create a pull request by visiting:", nil, ""},
		"git: old value":           {"ok", "failed to update ref", "error: cannot lock ref 'refs/heads/main': is at 1 but expected 2", ErrMoved, "is at 1"},
		"git 2.49: old value":      {"ok", "incorrect old value provided", "", ErrMoved, ""},
		"git 2.50: made meanwhile": {"ok", "reference already exists", "", ErrMoved, ""},
		"git 2.50: gone meanwhile": {"ok", "reference does not exist", "", ErrMoved, ""},
		"git 2.50: in the way":     {"ok", "refname conflict", "", ErrRejected, "refname conflict"},
		"JGit: old value":          {"ok", "invalid old id sent", "", ErrMoved, ""},
		"git: lock":                {"ok", "failed to lock", "", ErrMoved, ""},
		"GitHub: old value":        {"ok", "cannot lock ref 'refs/heads/main': is at 1 but expected 2", "", ErrMoved, ""},
		"git: rewound":             {"ok", "non-fast-forward", "", ErrMoved, ""},
		"GitLab: busy":             {"ok", "Could not update refs/heads/main. Please refresh and try again.", "", ErrMoved, ""},
		"GitHub: protected":        {"ok", "protected branch hook declined", "error: GH006: Protected branch update failed for refs/heads/main.", ErrRejected, "GH006"},
		"GitLab: protected":        {"ok", "pre-receive hook declined", "GitLab: You are not allowed to push code to protected branches on this project.", ErrRejected, "GitLab: You are"},
		"GitHub: secret scanning":  {"ok", "push declined due to repository rule violations", "", ErrRejected, "rule violations"},
		"git: shallow":             {"ok", "shallow update not allowed", "", ErrRejected, "shallow"},
		"git: objects missing":     {"ok", "missing necessary objects", "", ErrRejected, "missing"},
		"git: disk full":           {"unpack-objects abnormal exit", "unpacker error", "fatal: No space left on device", ErrRejected, "No space left"},
		"a hook quotes a lock":     {"ok", "pre-receive hook declined", "cannot lock ref", ErrRejected, ""},
		"nothing about the branch": {"ok", "", "", ErrRejected, "nothing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			report := &packp.ReportStatus{UnpackStatus: c.unpack}
			if c.status != "" {
				report.CommandStatuses = []*packp.CommandStatus{{ReferenceName: "refs/heads/main", Status: c.status}}
			}
			err := verdict(report, c.said, false)
			wantError(t, err, c.want)
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q is not in %v", c.words, err)
			}
		})
	}
}

func TestWords(t *testing.T) {
	auth := Auth{Username: "pipeline", Password: "inl1ne-s3cret"}
	cases := map[string]string{
		"two\r\nlines\t of  text ":               "two lines of text",
		"\x1b[31mred\x1b[0m\x00\u202e\u200b":     "[31mred[0m",
		"inl1ne-s3cret":                          "[redacted]",
		"Basic cGlwZWxpbmU6aW5sMW5lLXMzY3JldA==": "Basic [redacted]",
		strings.Repeat("ä", 1000):                strings.Repeat("ä", 512) + "…",
		"broken \xff\xfe utf-8":                  "broken utf-8",
	}
	for in, want := range cases {
		if got := auth.words(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// What ssh servers say when they do not run the service.
func TestTurnedAway(t *testing.T) {
	cases := map[string]struct {
		said string
		want error // nil: transient
	}{
		"git":                          {"fatal: '/srv/x.git' does not appear to be a git repository", ErrNotFound},
		"GitHub: not found":            {"ERROR: Repository not found.", ErrNotFound},
		"GitHub: read-only key":        {"ERROR: The key you are authenticating with has been marked as read only.", ErrForbidden},
		"GitHub: another's repository": {"ERROR: Permission to acme/catalog.git denied to robot.", ErrForbidden},
		"GitHub: archived":             {"ERROR: This repository was archived so it is read-only.", ErrForbidden},
		"GitHub: SSO":                  {"ERROR: The 'acme' organization has enabled or enforced SAML SSO.", ErrForbidden},
		"GitHub: suspended":            {"ERROR: Your account is suspended. Please check your email.", ErrUnauthorized},
		"GitLab: not found":            {"remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.", ErrNotFound},
		"GitLab: no right":             {"remote: You are not allowed to push code to this project.", ErrForbidden},
		"GitLab: deploy key":           {"ERROR: This deploy key does not have write access to this project.", ErrForbidden},
		"GitLab: key expired":          {"remote: Your SSH key has expired.", ErrUnauthorized},
		"Gitea: not found":             {"Gitea: Cannot find repository: acme/catalog", ErrNotFound},
		"Forgejo: no right":            {"Forgejo: User: 2:robot with Key: 1:ci is not authorized to write to acme/catalog.", ErrForbidden},
		"Bitbucket: not found":         {"Repository not found The requested repository does not exist, or you do not have permission to access it.", ErrNotFound},
		"Bitbucket: read-only key":     {"repository access denied. access via a deployment key is read-only.", ErrForbidden},
		"Azure DevOps: not found":      {"remote: TF401019: The Git repository with name or identifier x does not exist or you do not have permissions for the operation you are attempting.", ErrNotFound},
		"gitolite: no right":           {"FATAL: W any catalog robot DENIED by fallthru", ErrForbidden},
		"a fault of the server":        {"Internal error: 500", nil},
		"a busy server":                {"Connection refused by remote host, try again", nil},
		"nothing":                      {"", nil},
	}
	sentinels := []error{ErrNotFound, ErrForbidden, ErrUnauthorized, ErrNotGit, ErrRejected, ErrMoved}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := turnedAway(uploadPack, c.said)
			if !strings.Contains(err.Error(), c.said) {
				t.Errorf("the words are missing in %v", err)
			}
			for _, sentinel := range sentinels {
				if is := errors.Is(err, sentinel); is != errors.Is(c.want, sentinel) {
					t.Errorf("%v: it is %q: %v", err, sentinel, is)
				}
			}
		})
	}
}
