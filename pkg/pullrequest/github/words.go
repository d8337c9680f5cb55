package github

import (
	"regexp"
	"strings"
	"unicode"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// Everything that is decided by GitHub's words is in this file. GitHub has no codes for these; the words are those that
// github.com says in 2026 and GitHub Enterprise Server has said since 3.2.

// meaning is the sentinel for words that say more than the status they come with, or nil.
func meaning(said string) error {
	switch {
	case has(said, "A pull request already exists"):
		return pullrequest.ErrExists
	case has(said, "No commits between"):
		return pullrequest.ErrNoDifference
	case has(said, "Head branch was modified", "Expected head sha", "Expected head oid"):
		return pullrequest.ErrHeadMoved
	case has(said, "Auto merge is not allowed", "are not allowed on this repository", "Repository was archived",
		"Draft pull requests are not supported", "through the merge queue"):
		return pullrequest.ErrUnsupported
	}
	return nil
}

// passing are refusals for the moment only.
func passing(said string) bool {
	return has(said, "Base branch was modified", "Merge already in progress", "in unknown status", "try again later",
		"Something went wrong")
}

// tooQuick is a secondary limit, whatever its status. It is how GitHub slows down those who create much.
func tooQuick(said string) bool {
	return has(said, "secondary rate limit", "abuse detection", "was submitted too quickly")
}

// mergeable is what auto-merge is refused with because nothing stands in the way of a merge, or nothing that is required.
func mergeable(said string) bool {
	return has(said, "in clean status", "in unstable status", "in has_hooks status", "Protected branch rules not configured")
}

// queued is a pull request that the merge queue has already.
func queued(said string) bool {
	return has(said, "is in the merge queue", "already in the queue", "already queued", "already in the merge queue")
}

// notEnabled is an auto-merge that was taken back by another in the meantime.
func notEnabled(said string) bool {
	return has(said, "Can't disable auto-merge", "auto-merge is not enabled", "auto merge is not enabled")
}

// queueOnly is a base branch that takes commits from its merge queue only.
func queueOnly(said string) bool { return has(said, "through the merge queue") }

func has(said string, phrases ...string) bool {
	said = strings.ToLower(said)
	for _, phrase := range phrases {
		if strings.Contains(said, strings.ToLower(phrase)) {
			return true
		}
	}
	return false
}

// wordsOf prefers the details: the message above them is mostly "Validation Failed".
func wordsOf(e *gh.ErrorResponse) string {
	var details []string
	for _, d := range e.Errors {
		switch {
		case d.Message != "":
			details = append(details, d.Message)
		case d.Code != "" || d.Field != "":
			details = append(details, strings.TrimSpace(d.Field+" is "+strings.ReplaceAll(d.Code, "_", " ")))
		}
	}
	if len(details) > 0 {
		return clean(strings.Join(details, "; "))
	}
	if e.Message != "" {
		return clean(e.Message)
	}
	return "no explanation"
}

// maxWords bounds what is quoted from a server.
const maxWords = 1024

// clean makes one bounded line without invisible characters.
func clean(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// redact removes this token, and whatever looks like a token of GitHub or the signed claim of an App, should a server repeat it.
func redact(a pullrequest.Auth, text string) string {
	if a.Token != "" {
		text = strings.ReplaceAll(text, a.Token, "[redacted]")
	}
	return clean(tokens().ReplaceAllString(text, "[redacted]"))
}

// tokens: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/.
func tokens() *regexp.Regexp {
	return regexp.MustCompile(`\b(gh[a-z]_|github_pat_)\w{10,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+`)
}
