package gitrepo

import (
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
			err := verdict(report, c.said)
			wantError(t, err, c.want)
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q is not in %v", c.words, err)
			}
		})
	}
}

func TestWords(t *testing.T) {
	r := &Repository{auth: Auth{"pipeline", "inl1ne-s3cret"}}
	cases := map[string]string{
		"two\r\nlines\t of  text ":               "two lines of text",
		"\x1b[31mred\x1b[0m\x00\u202e\u200b":     "[31mred[0m",
		"inl1ne-s3cret":                          "[redacted]",
		"Basic cGlwZWxpbmU6aW5sMW5lLXMzY3JldA==": "Basic [redacted]",
		strings.Repeat("ä", 1000):                strings.Repeat("ä", 512) + "…",
		"broken \xff\xfe utf-8":                  "broken utf-8",
	}
	for in, want := range cases {
		if got := r.words(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}
