package customrun

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
	"knative.dev/pkg/logging"
)

const (
	// maxChanges bounds the source commits that are listed.
	maxChanges = 50
	// maxChangesBytes bounds the list: GitHub takes 64 KiB for the whole body.
	maxChangesBytes = 16 << 10
	// changesTimeout bounds reading them: without the list, the pull request is as good.
	changesTimeout = time.Minute
	// shortestID is how much of a commit id a tag has to begin with to be taken for one: what git abbreviates to.
	shortestID = 7
)

// pullText is what people read of a pull request.
type pullText struct{ title, body string }

// texts are the title and the body of the run's pull request. done is false while the list of the source's commits is
// being read.
func (r *Reconciler) texts(ctx context.Context, run *run) (t pullText, done bool) {
	req := *run.data.Request
	vars, list := imageVariables(run), ""
	if req.PullRequest.Changes != nil {
		if list, done = r.changes(ctx, run); !done {
			return pullText{}, false
		}
	}
	return pullText{title: update.Title(req, vars), body: update.Body(req, vars, list) + "\n\n" + markerFor(run).String()}, true
}

// imageVariables are the values for the texts of a run that sets one image.
func imageVariables(run *run) request.ImageVariables {
	return update.Variables(*run.data.Request, run.data.Outcome.Previous, run.data.Targets)
}

// changes are the commits of the source between what is deployed and what is proposed, as Markdown. They are read once
// for each process; a list that cannot be read is told of in its place, and keeps no pull request from being opened.
func (r *Reconciler) changes(ctx context.Context, run *run) (text string, done bool) {
	m := r.memories.of(run.UID, r.clock.Now())
	if m.changes != nil {
		return *m.changes, true
	}
	from, to := changesBetween(run)
	if from == "" || to == "" {
		text = "The changes of the source are not known: the tags do not begin with a commit's id."
		m.changes = &text
		return text, true
	}
	log, done, err := call(r.background, run, callChanges, changesTimeout, func(ctx context.Context) (gitrepo.Log, error) {
		return r.readChanges(ctx, run.copy(), from, to)
	})
	if !done {
		return "", false
	}
	if err != nil {
		// The words of another repository's server have no place in a pull request.
		logging.FromContext(ctx).Infow("the source's commits cannot be read", logkey.Error, errorText(run, err))
		text = fmt.Sprintf("The changes of the source from `%s` to `%s` could not be read.", from, to)
	} else {
		text = changesText(run.data.Request.PullRequest.Changes.URL, log)
	}
	m.changes = &text
	return text, true
}

// changesBetween are the ends of the list: as the run says, else what the tags before and after begin with.
func changesBetween(run *run) (from, to string) {
	want := run.data.Request.PullRequest.Changes
	from, to = want.From, want.To
	if len(run.data.Request.Images) != 1 || len(run.data.Targets) == 0 {
		return from, to
	}
	if to == "" {
		to = leadingID(run.data.Targets[0].Tag)
	}
	if before, err := image.Parse(previous(run.data.Outcome, 0)); from == "" && err == nil {
		from = leadingID(before.Tag)
	}
	return from, to
}

// leadingID is the commit id that a tag begins with, such as 1a2b3c4 in 1a2b3c4-2026.
func leadingID(tag string) string {
	end := strings.IndexFunc(tag, func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) })
	if end < 0 {
		end = len(tag)
	}
	if end < shortestID || end > 40 || (end < len(tag) && !strings.ContainsRune("-_.", rune(tag[end]))) {
		return ""
	}
	return tag[:end]
}

func (r *Reconciler) readChanges(ctx context.Context, run *run, from, to string) (gitrepo.Log, error) {
	source := run.data.Request.PullRequest.Changes.URL
	auth, _, err := credentials.Git(ctx, r.backends.secrets, run.Namespace, run.data.Request.Run.ServiceAccount, "", source)
	if err != nil {
		return gitrepo.Log{}, err
	}
	run.secrets = append(run.secrets, auth.Secrets()...)
	p := r.settings.policy()
	if err := r.gitLogin(ctx, run, source, &auth, p); err != nil {
		return gitrepo.Log{}, err
	}
	if p.RequireHostBinding && !auth.Bound && !auth.Anonymous() {
		return gitrepo.Log{}, policy.Unbound("git", policy.BindsGit)
	}
	repository, err := gitrepo.Open(
		gitrepo.Remote{URL: source, Branch: run.data.Request.Git.Branch, Auth: gitAuth(auth, []byte(p.SSHKnownHosts)), CA: auth.CA},
		gitrepo.Options{MaxTotalBytes: p.MaxFetchBytes, AllowHTTP: p.AllowHTTPGit, Timeout: p.GitTimeout, Dial: r.countedGit(p), Memory: r.backends.remotes, Clock: r.clock})
	if err != nil {
		return gitrepo.Log{}, err
	}
	defer repository.Close()
	return repository.Log(ctx, from, to, maxChanges)
}

// changesText lists commits as Markdown.
func changesText(source string, log gitrepo.Log) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Changes\n\n")
	if log.Diverged {
		fmt.Fprintf(&b, "What is deployed (`%s`) is not among what is proposed (`%s`): this also takes changes back.\n\n", short(log.From), short(log.To))
	}
	if len(log.Commits) == 0 {
		fmt.Fprintf(&b, "None between `%s` and `%s`.\n", short(log.From), short(log.To))
	}
	for i, c := range log.Commits {
		if b.Len() > maxChangesBytes {
			log.More, log.Commits = true, log.Commits[:i]
			break
		}
		id := "`" + short(c.ID) + "`"
		if link := gitrepo.CommitURL(source, c.ID); link != "" {
			id = "[" + id + "](" + link + ")"
		}
		fmt.Fprintf(&b, "- %s %s (%s)\n", id, escapeMarkdown(c.Subject), escapeMarkdown(c.Author))
	}
	if log.More {
		fmt.Fprintf(&b, "- and more: the newest %d are listed\n", len(log.Commits))
	}
	return strings.TrimSpace(b.String())
}

// escapeMarkdown keeps a commit's subject from becoming a link, a mention, a comment or a word that closes an issue.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "\\", "\\\\", "://", ":\u200b//", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "@", "@\u200b", "#", "#\u200b", "|", "\\|").Replace(text)
}
