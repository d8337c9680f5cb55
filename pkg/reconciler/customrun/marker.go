package customrun

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// marker says, inside of a pull request's body and invisible for people, whose it is.
type marker struct {
	// Run is namespace/name of the CustomRun, and UID tells it from others of that name.
	Run string `json:"run"`
	UID string `json:"uid"`
	// Target tells what the pull request is about, whatever the version: two with the same replace each other.
	Target string `json:"target"`
	// Commit is what the run has pushed. A head that is another one is somebody else's work.
	Commit string `json:"commit"`
}

const (
	markerStart = "<!-- tekton-gitops: "
	markerEnd   = " -->"
)

// String is how the marker stands in a body. JSON escapes the > that could end the comment.
func (m marker) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return markerStart + string(text) + markerEnd
}

// markerOf reads the marker of a body. The last one counts: people quote each other above.
func markerOf(body string) (m marker, ok bool) {
	start := strings.LastIndex(body, markerStart)
	if start < 0 {
		return marker{}, false
	}
	text, _, ok := strings.Cut(body[start+len(markerStart):], markerEnd)
	if !ok || json.Unmarshal([]byte(text), &m) != nil {
		return marker{}, false
	}
	return m, m.UID != ""
}

// markerFor is the marker of a run's pull request.
func markerFor(run *run) marker {
	return marker{
		Run: run.Namespace + "/" + run.Name, UID: string(run.UID), Target: targetOf(*run.data.Request), Commit: run.data.PullRequest.Head,
	}
}

// targetOf names the images and the places where they are set, and where that is deployed from: all that stays the same
// from one version to the next. The repository is the one that the pull request is in.
func targetOf(req request.Request) string {
	var parts []string
	for _, want := range req.Images {
		parts = append(parts, "image "+want.Name)
	}
	for _, u := range req.Updates {
		part := "update " + u.Path()
		if u.YAML != nil {
			part += " " + u.YAML.Path
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	sum := sha256.Sum256(fmt.Appendf(nil, "base %s\n%s", req.Git.Branch, strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:8])
}
