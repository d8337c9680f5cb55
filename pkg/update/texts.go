package update

import (
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// maxTitleBytes is what GitHub takes.
const maxTitleBytes = 250

// TrailerUID begins the line of a commit's message that says which run has made it.
const TrailerUID = "Tekton-CustomRun-UID: "

// Variables are the values for the texts of a request that sets one image; there are none for another. previous and
// targets are those of a Change.
func Variables(req request.Request, previous []string, targets []image.Ref) request.ImageVariables {
	if len(req.Images) != 1 || len(targets) == 0 {
		return request.ImageVariables{}
	}
	t := targets[0]
	v := request.ImageVariables{Image: t.String(), Name: t.Name, Tag: t.Tag, Digest: t.Digest}
	if len(previous) > 0 {
		v.Previous = previous[0]
	}
	return v
}

// Message is what the commit says, without its trailers. The request has a Git.
func Message(req request.Request, v request.ImageVariables) string {
	return strings.TrimSpace(request.RenderMessage(req.Git.Message, v))
}

// Trailers are the last lines of the commit: they lead to the run that made it.
func Trailers(req request.Request) string {
	lines := make([]string, 0, 3)
	if req.Run.PipelineRun != "" {
		lines = append(lines, "Tekton-PipelineRun: "+req.Run.Namespace+"/"+req.Run.PipelineRun)
	}
	lines = append(lines, "Tekton-CustomRun: "+req.Run.Namespace+"/"+req.Run.Name, TrailerUID+string(req.Run.UID))
	return strings.Join(lines, "\n")
}

// Title is the title of the pull request, one line. The request has a PullRequest.
func Title(req request.Request, v request.ImageVariables) string {
	title := strings.Join(strings.Fields(request.RenderMessage(req.PullRequest.Title, v)), " ")
	if len(title) > maxTitleBytes {
		title = strings.ToValidUTF8(title[:maxTitleBytes-len("...")], "") + "..."
	}
	return title
}

// Body is the body of the pull request: what the request says, more, and whose it is. more are further parts, of which
// those without text are left out: the list of the source's commits.
func Body(req request.Request, v request.ImageVariables, more ...string) string {
	by := "Opened by CustomRun `" + req.Run.Namespace + "/" + req.Run.Name + "`"
	if req.Run.PipelineRun != "" {
		by += " of PipelineRun `" + req.Run.PipelineRun + "`"
	}
	var body []string
	for _, part := range append(append([]string{strings.TrimSpace(request.RenderMessage(req.PullRequest.Body, v))}, more...), by+".") {
		if part != "" {
			body = append(body, part)
		}
	}
	return strings.Join(body, "\n\n")
}
