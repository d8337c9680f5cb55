package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
)

// Preview is what one run would do.
type Preview struct {
	Run       string `json:"run"`
	Task      string `json:"task,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	// Source is what the manifests were read from, with which credentials.
	Source string `json:"source,omitempty"`
	// Changed tells whether there is anything to write.
	Changed bool `json:"changed"`
	// Diff is the result diff of a dry run.
	Diff   string  `json:"diff,omitempty"`
	Images []Image `json:"images,omitempty"`
	// Lock is the name of the Lease, empty for a run that takes none.
	Lock        string       `json:"lock,omitempty"`
	Commit      *Commit      `json:"commit,omitempty"`
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// Request is everything that the run was asked to do, with every default, for reading.
	Request map[string]any `json:"request"`
	Notes   []string       `json:"notes,omitempty"`
}

// Image is one that is set or verified.
type Image struct {
	Name     string `json:"name"`
	Previous string `json:"previous,omitempty"`
	Target   string `json:"target"`
}

// Commit is the one that would be pushed.
type Commit struct {
	// Branch that gets it.
	Branch string `json:"branch"`
	Author string `json:"author"`
	// Message has no line with the run's UID, which is not known yet.
	Message string `json:"message"`
}

// PullRequest is the one that would be opened.
type PullRequest struct {
	Branch string `json:"branch"`
	Base   string `json:"base"`
	Title  string `json:"title"`
	// Body has neither the list of source commits nor the run's hidden marker.
	Body string `json:"body"`
}

func (v *Preview) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, said := range v.Notes {
		if said == text {
			return
		}
	}
	v.Notes = append(v.Notes, text)
}

// tell fills in what is said of the change.
func (v *Preview) tell(req request.Request, c update.Change) error {
	v.Changed, v.Diff = c.Changed(), c.Diff
	for i, want := range req.Images {
		one := Image{Name: want.Name, Target: want.Target().String()}
		if i < len(c.Previous) {
			one.Previous, one.Target = c.Previous[i], c.Targets[i].String()
		}
		v.Images = append(v.Images, one)
	}
	vars := update.Variables(req, c.Previous, c.Targets)
	if v.Changed {
		v.commit(req, vars)
	}
	readable, err := readable(req, vars)
	v.Request = readable
	return err
}

func (v *Preview) commit(req request.Request, vars request.ImageVariables) {
	trailers, _, _ := strings.Cut(update.Trailers(req), update.TrailerUID)
	v.Commit = &Commit{
		Branch: req.Git.Branch, Author: req.Git.Author.Name + " <" + req.Git.Author.Email + ">",
		Message: strings.TrimSpace(update.Message(req, vars) + "\n\n" + trailers),
	}
	if pr := req.PullRequest; pr != nil {
		v.Commit.Branch = pr.Branch
		v.PullRequest = &PullRequest{Branch: pr.Branch, Base: req.Git.Branch, Title: update.Title(req, vars), Body: update.Body(req, vars)}
	}
}

// readable is a request with its texts as they will be, and without what it is for the controller alone.
func readable(req request.Request, vars request.ImageVariables) (map[string]any, error) {
	raw, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	delete(all, "version")
	if run, ok := all["run"].(map[string]any); ok {
		delete(run, "uid")
	}
	if req.Lock.Name == "" {
		delete(all, "lock")
	}
	if git, ok := all["git"].(map[string]any); ok {
		git["message"] = update.Message(req, vars)
	}
	if pr, ok := all["pullRequest"].(map[string]any); ok {
		pr["title"] = update.Title(req, vars)
		if _, has := pr["body"]; has {
			pr["body"] = strings.TrimSpace(request.RenderMessage(req.PullRequest.Body, vars))
		}
	}
	return all, nil
}
