package request

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const onlyGit = "git: {url: 'https://h/a'}\n"

func TestUpdates(t *testing.T) {
	const two = onlyGit + "images: [{name: quay.io/a, newTag: '1'}, {name: nginx, digest: '" + sha + "'}]\n"
	const one = onlyGit + "images: [{name: quay.io/a, newTag: '1', digest: '" + sha + "'}]\n"
	for name, tc := range map[string]struct {
		spec   string
		params []pipelinev1beta1.Param
		want   []Update
		// message of the commit, with all of them set to "!"
		message string
	}{
		"the four ways": {
			spec: two + `update:
- kustomize: {path: ./overlays/dev/}
- {images: [quay.io/a], helm: {file: charts/values.yaml, repository: image.repository, tag: image.tag, digest: image.digest}}
- {images: [docker.io/library/nginx], helm: {file: ./env.yaml, image: "images[0]"}}
- manifests: {path: ., container: app}
- {images: [nginx], manifests: {path: one.yaml}}
- yaml: {file: a/b.yaml, path: '"app.io/x".y', value: " v 1 "}
`,
			want: []Update{
				{Kustomize: &Kustomize{Path: "overlays/dev"}},
				{Images: []string{"quay.io/a"}, Helm: &Helm{File: "charts/values.yaml", Repository: "image.repository", Tag: "image.tag", Digest: "image.digest"}},
				{Images: []string{"docker.io/library/nginx"}, Helm: &Helm{File: "env.yaml", Image: "images[0]"}},
				{Manifests: &Manifests{Path: ".", Container: "app"}},
				{Images: []string{"nginx"}, Manifests: &Manifests{Path: "one.yaml"}},
				{YAML: &YAML{File: "a/b.yaml", Path: `"app.io/x".y`, Value: " v 1 "}},
			},
			message: "Update images in git",
		},
		"several at one place":               {spec: one + "update: [{helm: {file: v.yaml, image: i}}, {helm: {file: v.yaml, image: i}}]", want: []Update{{Helm: &Helm{File: "v.yaml", Image: "i"}}, {Helm: &Helm{File: "v.yaml", Image: "i"}}}, message: "Update image in git to !"},
		"helm with no more than a digest":    {spec: onlyGit + "images: [{name: a, digest: '" + sha + "'}]\nupdate: [{helm: {file: v.yaml, image: '', digest: d}}]", want: []Update{{Helm: &Helm{File: "v.yaml", Digest: "d"}}}, message: "Update image in git to !"},
		"the value is the tag":               {spec: one + "update: [{yaml: {file: v.yaml, path: a}}]", want: []Update{{YAML: &YAML{File: "v.yaml", Path: "a", Value: "1"}}}, message: "Update image in git to !"},
		"else the digest":                    {spec: onlyGit + "images: [{name: a, digest: '" + sha + "'}]\nupdate: [{yaml: {file: v.yaml, path: a, value: ''}}]", want: []Update{{YAML: &YAML{File: "v.yaml", Path: "a", Value: sha}}}, message: "Update image in git to !"},
		"no image where all are values":      {spec: onlyGit + "update: [{yaml: {file: v.yaml, path: a, value: 'true'}}, {yaml: {file: v.yaml, path: b, value: '2'}}]", want: []Update{{YAML: &YAML{File: "v.yaml", Path: "a", Value: "true"}}, {YAML: &YAML{File: "v.yaml", Path: "b", Value: "2"}}}, message: "Update values in git"},
		"a message about the only image":     {spec: "git: {url: 'https://h/a', message: '$(image.tag) $(previous-image)'}\nimages: [{name: a, newTag: '1'}]\nupdate: [{yaml: {file: v.yaml, path: a}}]", want: []Update{{YAML: &YAML{File: "v.yaml", Path: "a", Value: "1"}}}, message: "! !"},
		"names of a list parameter":          {spec: two + "params: [{name: l, type: array}]\nupdate: [{images: ['$(params.l[*])'], kustomize: {path: a}}]", params: []pipelinev1beta1.Param{arrayParam("l", "nginx", "quay.io/a")}, want: []Update{{Images: []string{"nginx", "quay.io/a"}, Kustomize: &Kustomize{Path: "a"}}}, message: "Update images in git"},
		"an empty list of names is all":      {spec: two + "params: [{name: l, type: array}]\nupdate: [{images: ['$(params.l[*])'], kustomize: {path: a}}]", params: []pipelinev1beta1.Param{arrayParam("l")}, want: []Update{{Kustomize: &Kustomize{Path: "a"}}}, message: "Update images in git"},
		"container left out by a parameter":  {spec: one + "params: [{name: c, default: ''}]\nupdate: [{manifests: {path: a, container: $(params.c)}}]", want: []Update{{Manifests: &Manifests{Path: "a"}}}, message: "Update image in git to !"},
		"helm's one image among the several": {spec: two + "update: [{images: [nginx], helm: {file: v.yaml, digest: d}}]", want: []Update{{Images: []string{"nginx"}, Helm: &Helm{File: "v.yaml", Digest: "d"}}}, message: "Update images in git"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Resolve(t.Context(), embedded(t, tc.spec, tc.params...), stored{}, Defaults{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, r.Updates, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			message := RenderMessage(r.Git.Message, ImageVariables{Image: "!", Name: "!", Tag: "!", Digest: "!", Previous: "!"})
			if diff := cmp.Diff(tc.message, message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdatesRefuse(t *testing.T) {
	const one = onlyGit + "images: [{name: a, newTag: '1'}]\n"
	const two = onlyGit + "images: [{name: a, newTag: '1'}, {name: b, newTag: '1'}]\n"
	const pathText = `: write a path below the root of the repository, such as overlays/dev, without '..'`
	const valueText = `: write a path such as image.tag, servers[0].image or "app.io/server".tag`
	for name, tc := range map[string]struct{ spec, want string }{
		"none of the ways":            {one + "update: [{images: [a]}]", "spec.update[0]: has 0 of kustomize, helm, manifests, yaml: set exactly one"},
		"two ways":                    {one + "update: [{kustomize: {path: a}}, {kustomize: {path: a}, manifests: {path: a}}]", "spec.update[1]: has 2 of kustomize, helm, manifests, yaml: set exactly one"},
		"too many":                    {one + "update: [" + strings.Repeat("{kustomize: {path: a}},", 17) + "]", "spec.update: has 17 items: at most 16"},
		"no images":                   {onlyGit + "update: [{manifests: {path: a}}, {yaml: {file: a, path: a, value: v}}]", "spec.images: missing: say which image to set"},
		"no repository":               {"images: [{name: a, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]", "spec.git.url: missing"},
		"no tag":                      {onlyGit + "images: [{name: a}]\nupdate: [{kustomize: {path: a}}]", "spec.images[0].newTag: missing: give a tag or a digest to set"},
		"no tag, values only":         {onlyGit + "images: [{name: a}]\nupdate: [{yaml: {file: a, path: a, value: v}}]", "spec.images[0].newTag: missing: give a tag or a digest to set"},
		"kustomize without path":      {one + "update: [{kustomize: {}}]", "spec.update[0].kustomize.path: missing"},
		"kustomize outside":           {one + "update: [{kustomize: {path: ../a}}]", `spec.update[0].kustomize.path: is "../a"` + pathText},
		"manifests without path":      {one + "update: [{manifests: {}}]", "spec.update[0].manifests.path: missing"},
		"manifests in .git":           {one + "update: [{manifests: {path: .git}}]", `spec.update[0].manifests.path: is ".git"` + pathText},
		"container that is none":      {one + "update: [{manifests: {path: a, container: A}}]", `spec.update[0].manifests.container: is "A": write a name of lower case letters, digits and '-', at most 63 characters`},
		"helm without anything":       {one + "update: [{helm: {}}]", "spec.update[0].helm.file: missing; spec.update[0].helm.tag: missing: say where the tag is, or the digest, or image for the whole reference in one field"},
		"helm, repository alone":      {one + "update: [{helm: {file: a, repository: r}}]", "spec.update[0].helm.tag: missing: say where the tag is, or the digest, or image for the whole reference in one field"},
		"helm, whole and parts":       {one + "update: [{helm: {file: a, image: i, digest: d}}]", "spec.update[0].helm.image: is the whole reference in one field: it excludes repository, tag and digest"},
		"helm, paths that are none":   {one + "update: [{helm: {file: a, repository: '.r', tag: 't.', digest: 'd[]'}}]", `spec.update[0].helm.repository: is ".r"` + valueText + `; spec.update[0].helm.tag: is "t."` + valueText + `; spec.update[0].helm.digest: is "d[]"` + valueText},
		"helm, image path is none":    {one + "update: [{helm: {file: a, image: 'a b'}}]", `spec.update[0].helm.image: is "a b"` + valueText},
		"helm, path that is too long": {one + "update: [{helm: {file: a, tag: " + strings.Repeat("t", 257) + "}}]", `spec.update[0].helm.tag: is "` + strings.Repeat("t", 80) + `…"` + valueText},
		"helm, parts left out":        {onlyGit + "images: [{name: a, newName: b, newTag: '1', digest: '" + sha + "'}]\nupdate: [{helm: {file: a, tag: t}}]", "spec.update[0].helm.repository: the image has a repository to set, and no field is named for it: give helm.repository, or leave it out of the image; spec.update[0].helm.digest: the image has a digest to set, and no field is named for it: give helm.digest, or leave it out of the image"},
		"helm, no place for the tag":  {one + "update: [{helm: {file: a, digest: d}}]", "spec.update[0].helm.tag: the image has a tag to set, and no field is named for it: give helm.tag, or leave it out of the image"},
		"helm of a directory":         {one + "update: [{helm: {file: ., tag: t}}]", `spec.update[0].helm.file: is ".": write the path of a file, not of a directory`},
		"helm with two images":        {two + "update: [{helm: {file: a, tag: t}}]", "spec.update[0].images: has to name one image: helm sets one, and there are 2"},
		"helm with two by name":       {two + "update: [{images: [a, b], helm: {file: a, tag: t}}]", "spec.update[0].images: has to name one image: helm sets one, and there are 2"},
		"a name that is no image":     {two + "update: [{images: [a, c], kustomize: {path: a}}]", `spec.update[0].images[1]: "c" is not one of images`},
		"a name twice":                {two + "update: [{images: [a, docker.io/library/a], kustomize: {path: a}}]", `spec.update[0].images[1]: "docker.io/library/a" is there twice`},
		"an empty name":               {two + "update: [{images: [''], kustomize: {path: a}}]", "spec.update[0].images[0]: missing"},
		"a name with a variable":      {two + "update: [{images: ['$$(x)'], kustomize: {path: a}}]", `spec.update[0].images[0]: holds a variable that nothing has replaced: "$(x)"`},
		"names for a value":           {two + "update: [{images: [a], yaml: {file: a, path: a, value: v}}]", "spec.update[0].images: says nothing with yaml, which sets a value and no image: leave it out"},
		"yaml without anything":       {onlyGit + "update: [{yaml: {}}]", "spec.update[0].yaml.path: missing; spec.update[0].yaml.file: missing; spec.update[0].yaml.value: missing: give the value to set, or exactly one image, whose tag it then is"},
		"yaml with two images":        {two + "update: [{yaml: {file: a, path: a}}]", "spec.update[0].yaml.value: missing: give the value to set, or exactly one image, whose tag it then is"},
		"yaml of a directory":         {one + "update: [{yaml: {file: a/, path: a}}]", `spec.update[0].yaml.file: is "a/": write the path of a file, not of a directory`},
		"value of two lines":          {onlyGit + `update: [{yaml: {file: a, path: a, value: "a\nb"}}]`, `spec.update[0].yaml.value: is "a\nb": write one line of at most 1024 bytes`},
		"value that is too long":      {onlyGit + `update: [{yaml: {file: a, path: a, value: ` + strings.Repeat("v", 1025) + `}}]`, `spec.update[0].yaml.value: is "` + strings.Repeat("v", 80) + `…": write one line of at most 1024 bytes`},
		"value with a variable":       {onlyGit + `update: [{yaml: {file: a, path: a, value: '$$(x)'}}]`, `spec.update[0].yaml.value: holds a variable that nothing has replaced: "$(x)"`},
		"variable of the image":       {one + `update: [{yaml: {file: a, path: a, value: '$(image.tag)'}}]`, `spec.update[0].yaml.value: $(image.tag) has a value in git.message only`},
		"message without an image":    {"git: {url: 'https://h/a', message: $(image)}\nupdate: [{yaml: {file: a, path: a, value: v}}]", "spec.git.message: uses $(image), which has a value when exactly one image is set, and there are 0"},
		"signing with nothing":        {"git: {url: 'https://h/a', signing: {}}\nimages: [{name: a, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]", "spec.git.signing.secretRef.name: missing: name a Secret with the key"},
		"signing from elsewhere":      {"git: {url: 'https://h/a', signing: {secretRef: {name: other/key}}}\nimages: [{name: a, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]", `spec.git.signing.secretRef.name: is "other/key": name a Secret of the run's own namespace; no other can be used`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Resolve(t.Context(), embedded(t, tc.spec), stored{}, Defaults{})
			if diff := cmp.Diff(tc.want, strings.TrimPrefix(text(err), "invalid spec: ")); diff != "" || !errors.Is(err, ErrInvalidSpec) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestUpdateSays(t *testing.T) {
	all := []image.Want{{Name: "nginx", NewTag: "1"}, {Name: "b", NewTag: "2"}}
	type said struct {
		Path  string
		Wants []image.Want
	}
	for name, tc := range map[string]struct {
		update Update
		want   said
	}{
		"all images":   {Update{Kustomize: &Kustomize{Path: "k"}}, said{"k", all}},
		"one by name":  {Update{Images: []string{"docker.io/library/nginx"}, Helm: &Helm{File: "h"}}, said{"h", all[:1]}},
		"in order":     {Update{Images: []string{"b", "nginx"}, Manifests: &Manifests{Path: "m"}}, said{"m", all}},
		"a value":      {Update{YAML: &YAML{File: "y"}}, said{"y", nil}},
		"nothing said": {Update{}, said{"", all}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, said{tc.update.Path(), tc.update.Wants(all)}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
