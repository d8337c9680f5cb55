package progress

import (
	"encoding/json"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// detailsVersion is the version of the controller's data that is read here.
const detailsVersion = 2

// stored is status.extraFields.gitops. The meaning of all but Data is the same in every version.
type stored struct {
	Version int             `json:"version"`
	Phase   string          `json:"phase"`
	Lock    string          `json:"lock"`
	Attempt int             `json:"attempt"`
	Verdict *Verdict        `json:"verdict"`
	Data    json.RawMessage `json:"data"`
}

// details are the parts of Data that people want to see. Times are texts here, because a decoder stops at one that it
// cannot read, and only there.
type details struct {
	Request struct {
		Images []wantedImage `json:"images"`
		Git    *struct {
			URL    string `json:"url"`
			Branch string `json:"branch"`
		} `json:"git"`
		Updates     []update `json:"updates"`
		PullRequest *struct {
			Branch string `json:"branch"`
		} `json:"pullRequest"`
		DryRun bool `json:"dryRun"`
	} `json:"request"`
	Timeline []struct {
		Phase string `json:"phase"`
		Since string `json:"since"`
	} `json:"timeline"`
	Targets []reference `json:"targets"`
	Apps    []struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Project   string `json:"project"`
		URL       string `json:"url"`
		Revision  string `json:"revision"`
		Health    string `json:"health"`
	} `json:"apps"`
	PullRequest struct {
		Head        string   `json:"head"`
		Number      int      `json:"number"`
		URL         string   `json:"url"`
		State       string   `json:"state"`
		Warnings    []string `json:"warnings"`
		MergeCommit string   `json:"mergeCommit"`
	} `json:"pullRequest"`
	Outcome struct {
		Changed   bool       `json:"changed"`
		Commit    string     `json:"commit"`
		CommitURL string     `json:"commitURL"`
		Previous  []string   `json:"previous"`
		Diff      string     `json:"diff"`
		Live      []Workload `json:"live"`
		Reverted  bool       `json:"reverted"`
	} `json:"outcome"`
}

type reference struct {
	Name   string `json:"name"`
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
}

func (r reference) String() string {
	text := r.Name
	if r.Tag != "" {
		text += ":" + r.Tag
	}
	if r.Digest != "" {
		text += "@" + r.Digest
	}
	return text
}

type wantedImage struct {
	Name    string `json:"name"`
	NewName string `json:"newName"`
	NewTag  string `json:"newTag"`
	Digest  string `json:"digest"`
}

// reference is what the image becomes as far as the request tells; the manifest may have another name for it.
func (w wantedImage) reference() reference {
	name := w.Name
	if w.NewName != "" {
		name = w.NewName
	}
	return reference{Name: name, Tag: w.NewTag, Digest: w.Digest}
}

type place struct {
	Path string `json:"path"`
	File string `json:"file"`
}

type update struct {
	Kustomize *place `json:"kustomize"`
	Helm      *place `json:"helm"`
	Manifests *place `json:"manifests"`
	YAML      *place `json:"yaml"`
}

func (u update) path() string {
	switch {
	case u.Kustomize != nil:
		return u.Kustomize.Path
	case u.Helm != nil:
		return u.Helm.File
	case u.Manifests != nil:
		return u.Manifests.Path
	case u.YAML != nil:
		return u.YAML.File // its path is that of the value in the file
	}
	return ""
}

// readStored gives what the controller has stored, nil when it has not stored anything. A field of a type that is not
// expected is left out; so are all details of another version.
func readStored(cr *v1beta1.CustomRun) (*stored, *details) {
	var extra struct {
		GitOps *stored `json:"gitops"`
	}
	// Errors are of no interest: the decoder skips what it cannot read, and the rest is there.
	_ = json.Unmarshal(cr.Status.ExtraFields.Raw, &extra)
	if extra.GitOps == nil {
		return nil, nil
	}
	if extra.GitOps.Version != detailsVersion || len(extra.GitOps.Data) == 0 {
		return extra.GitOps, nil
	}
	d := &details{}
	_ = json.Unmarshal(extra.GitOps.Data, d)
	return extra.GitOps, d
}
