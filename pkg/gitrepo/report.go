package gitrepo

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Git reports why it did not move a branch, or why it does not send an object, as text for people
// only. This file is the one place that reads such text.

// movedTexts are parts of what servers say when the old value of the branch was not the expected
// one, or another push holds its lock. Git: refs.c, refs/files-backend.c and builtin/receive-pack.c; JGit;
// "fetch first" and "stale info" are what forges borrow from git-push(1).
var movedTexts = [...]string{
	"cannot lock ref",
	"failed to lock",
	"unable to lock",
	"failed to update ref",
	"incorrect old value",
	"invalid old id",
	"reference already exists",
	"reference does not exist",
	"but expected",
	"non-fast-forward",
	"fetch first",
	"stale info",
	"refresh and try again",
}

// refusedTexts say that a rule or a hook decided. They win over movedTexts, since a hook may print
// anything.
var refusedTexts = [...]string{
	"hook declined",
	"protected branch",
	"prohibited",
	"denied",
}

// replacedTexts mean the same as movedTexts where a commit is pushed onto its parent. Where a branch is
// replaced, they are the server's rule against that.
var replacedTexts = [...]string{
	"non-fast-forward",
	"fetch first",
}

// verdict is the outcome of a push: nil, ErrMoved or ErrRejected. What the server printed is part of
// the error, for a hook's explanation is usually nowhere else.
func verdict(report *packp.ReportStatus, said string, replaces bool) error {
	if report.UnpackStatus != "ok" {
		return fmt.Errorf("%w: %s%s", ErrRejected, report.UnpackStatus, remark(said))
	}
	if len(report.CommandStatuses) == 0 {
		return fmt.Errorf("%w: the server reports nothing about the branch%s", ErrRejected, remark(said))
	}
	for _, status := range report.CommandStatuses {
		switch text := status.Status; {
		case text == "ok":
		case containsAny(text, refusedTexts[:]):
			return fmt.Errorf("%w: %s%s", ErrRejected, text, remark(said))
		case replaces && containsAny(text, replacedTexts[:]):
			return fmt.Errorf("%w: the server does not let a branch be replaced: %s%s", ErrRejected, text, remark(said))
		case containsAny(text, movedTexts[:]):
			return fmt.Errorf("%w: %s%s", ErrMoved, text, remark(said))
		default:
			return fmt.Errorf("%w: %s%s", ErrRejected, text, remark(said))
		}
	}
	return nil
}

func remark(said string) string {
	if said = clean(said, maxWords); said == "" {
		return ""
	}
	return " (remote: " + said + ")"
}

// notOurRef recognises upload-pack's answer to a want that it does not give out: git ("not our
// ref"), JGit ("want … not valid").
func notOurRef(text string) bool {
	return containsAny(text, []string{"not our ref", "not valid"})
}

// What the ssh servers of git and of the forges say instead of running a service, by what it means. The
// first list that has a part of the text decides: where a forge does not want to tell whether a
// repository exists, "not found" is what it says first.
var (
	// absentTexts: git; GitHub and Bitbucket; GitLab; Gitea and Forgejo; Azure DevOps and CodeCommit.
	absentTexts = [...]string{
		"does not appear to be a git repository",
		"repository not found",
		"could not be found",
		"cannot find repository",
		"does not exist",
	}
	// expiredTexts: GitLab; GitHub.
	expiredTexts = [...]string{
		"key has expired",
		"key is expired",
		"suspended",
	}
	// forbiddenTexts: GitHub (three); GitLab (two); Gitea and Forgejo; Bitbucket (two); gitolite.
	forbiddenTexts = [...]string{
		"marked as read only",
		"denied to",
		"saml sso",
		"you are not allowed to",
		"does not have write access",
		"is not authorized to",
		"access denied",
		"read-only",
		"denied by",
	}
)

// turnedAway is the error of a service that ended before it announced anything.
func turnedAway(service, said string) error {
	switch {
	case containsAny(said, absentTexts[:]):
		return fmt.Errorf("%w%s", ErrNotFound, remark(said))
	case containsAny(said, expiredTexts[:]):
		return fmt.Errorf("%w%s", ErrUnauthorized, remark(said))
	case containsAny(said, forbiddenTexts[:]):
		return fmt.Errorf("%w%s", ErrForbidden, remark(said))
	}
	return fmt.Errorf("%s ended before it began%s", service, remark(said))
}

func containsAny(text string, parts []string) bool {
	text = strings.ToLower(text)
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
