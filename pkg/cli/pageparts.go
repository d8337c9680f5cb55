package cli

import (
	"fmt"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// change is what was written to git, and where.
func (p page) change(run progress.Run) string {
	var rows [][]cell
	if g := run.Git; g != nil {
		rows = append(rows, cells("Repository:", g.URL), cells("Branch:", g.Branch))
		if len(g.Paths) > 0 {
			rows = append(rows, cells("Paths:", strings.Join(g.Paths, ", ")))
		}
	}
	if c := run.Commit; c != nil && c.ID != "" {
		by := "was there already"
		if c.Changed {
			by = "pushed by this run"
		}
		rows = append(rows, cells("Commit:", c.ID+" ("+by+")"))
		if c.URL != "" {
			rows = append(rows, cells("", c.URL))
		}
	}
	var out string
	if len(rows) > 0 {
		out = p.title("Git") + p.paint.table("  ", rows...)
	}
	if len(run.Images) == 0 {
		return out
	}
	images := [][]cell{heading("PREVIOUS", "WANTED")}
	for _, image := range run.Images {
		images = append(images, cells(orElse(image.Previous, none), orElse(image.Wanted, image.Name)))
	}
	if out != "" {
		out += "\n"
	}
	return out + p.title("Images") + p.paint.table("  ", images...)
}

func (p page) pullRequest(pr *progress.PullRequest) string {
	if pr == nil {
		return ""
	}
	rows := [][]cell{
		cells("Number:", fmt.Sprintf("#%d", pr.Number)), cells("State:", pr.State),
		cells("URL:", pr.URL), cells("Branch:", pr.Branch),
	}
	if pr.MergeCommit != "" {
		rows = append(rows, cells("Merged as:", pr.MergeCommit))
	}
	for _, warning := range pr.Warnings {
		rows = append(rows, []cell{{text: "Warning:", colour: yellow}, {text: warning}})
	}
	return p.title("Pull request") + p.paint.table("  ", rows...)
}

func (p page) applications(apps []progress.Application) string {
	if len(apps) == 0 {
		return ""
	}
	rows := [][]cell{heading("NAME", "REVISION", "HEALTH", "URL")}
	for _, app := range apps {
		name := app.Name
		if app.Namespace != "" {
			name = app.Namespace + "/" + name
		}
		health := cell{text: orElse(app.Health, none)}
		switch app.Health {
		case "Healthy":
			health.colour = green
		case "Degraded", "Missing":
			health.colour = red
		}
		rows = append(rows, []cell{{text: name}, {text: orElse(short(app.Revision), none)}, health, {text: app.URL}})
	}
	return p.title("Applications") + p.paint.table("  ", rows...)
}

func (p page) workloads(workloads []progress.Workload) string {
	if len(workloads) == 0 {
		return ""
	}
	rows := [][]cell{heading("WORKLOAD", "CONTAINER", "IMAGE", "DIGEST")}
	for _, w := range workloads {
		rows = append(rows, cells(w.Workload, w.Container, w.Image, orElse(w.Digest, none)))
	}
	return p.title("Workloads") + p.paint.table("  ", rows...)
}

// results are shown in their documented order; the diff comes last, as it is.
func (p page) results(results map[string]string) string {
	var rows [][]cell
	for _, r := range v1alpha1.Results() {
		if value := results[r.Name]; value != "" && r.Name != v1alpha1.ResultDiff {
			rows = append(rows, cells(r.Name, value))
		}
	}
	var out string
	if len(rows) > 0 {
		out = p.title("Results") + p.paint.table("  ", rows...)
	}
	if diff := results[v1alpha1.ResultDiff]; diff != "" {
		if out != "" {
			out += "\n"
		}
		out += p.title("Diff") + p.diff(diff)
	}
	return out
}

func (p page) diff(text string) string {
	var out strings.Builder
	for l := range strings.Lines(clean(text)) {
		l = strings.TrimSuffix(l, "\n")
		c := plain
		switch {
		case strings.HasPrefix(l, "+"):
			c = green
		case strings.HasPrefix(l, "-"):
			c = red
		}
		out.WriteString("  " + p.paint.text(l, c) + "\n")
	}
	return out.String()
}
