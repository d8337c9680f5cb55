package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGitOpsDeployRules is about what the fields of a definition have to do with each other, and about the lists.
func TestGitOpsDeployRules(t *testing.T) {
	s := load(t, "300-crd-gitopsdeploys.yaml")
	const (
		one       = "images: [{name: a, newTag: '1'}]\n"
		two       = "images: [{name: a, newTag: '1'}, {name: b, newTag: '1'}]\n"
		app       = "argocd: {applications: [{name: a}]}\n"
		labels    = "argocd: {selector: {matchLabels: {a: b}}}\n"
		kustomize = "update: [{kustomize: {path: a}}]\n"
		ways      = "set exactly one of kustomize, helm, manifests, yaml"
		file      = "write the path of a file"
	)
	repeat := func(n int, item string) string {
		var items []string
		for i := range n {
			items = append(items, strings.ReplaceAll(item, "#", fmt.Sprint(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	for name, tc := range map[string]struct {
		spec string
		want []string
	}{
		"verify only, by labels":     {spec: labels},
		"restart":                    {spec: app + "restart: 'true'"},
		"restart, by labels":         {spec: labels + "restart: 'true'\nverify: {workloads: [{kind: StatefulSet, name: a}]}"},
		"no restart":                 {spec: app + "restart: 'false'\nverify: {workloads: [{kind: Job, name: a}]}"},
		"revert and dry run":         {spec: one + kustomize + "onFailure: Revert\ndryRun: 'true'"},
		"keep, and nothing written":  {spec: app + "onFailure: Keep\ndryRun: 'false'"},
		"many applications":          {spec: "argocd: {applications: " + repeat(16, "{name: a#}") + "}"},
		"one name in two namespaces": {spec: "argocd: {applications: [{name: a}, {name: a, namespace: b}]}"},
		"many updates of one place":  {spec: one + "update: " + repeat(16, "{kustomize: {path: a}}")},
		"value without images":       {spec: "update: [{yaml: {file: a, path: b, value: c}}]"},
		"value of the only image":    {spec: one + "update: [{yaml: {file: a, path: b}}, {yaml: {file: a, path: b, value: ''}}]"},
		"helm, one of two images":    {spec: two + "update: [{images: [a], helm: {file: a, tag: b}}]"},
		"helm, empty parts":          {spec: one + "update: [{helm: {file: a, image: b, repository: '', tag: '', digest: ''}}, {helm: {file: a, image: '', digest: b}}]"},
		"label's name with a prefix": {spec: "argocd: {selector: {matchLabels: {app.kubernetes.io/part-of: shop, Team_1: ''}}}"},

		"as large as it may be": {spec: "images: " + repeat(16, "{name: "+strings.Repeat("a", 250)+"#, newTag: "+strings.Repeat("t", 128)+", digest: '"+sha+"'}") +
			"\nupdate: " + repeat(16, "{images: "+repeat(16, strings.Repeat("a", 250)+"#")+", kustomize: {path: "+strings.Repeat("p/", 500)+"}}") +
			"\nargocd: {sync: {options: " + repeat(16, "Option="+strings.Repeat("o", 500)) + "}, applications: " + repeat(16, "{name: "+strings.Repeat("a", 250)+"#, namespace: "+long[:63]+", project: "+strings.Repeat("a", 250)+"}") + "}" +
			"\nverify: {workloads: " + repeat(32, "{kind: Deployment, name: "+strings.Repeat("a", 250)+"#, namespace: "+long[:63]+", container: "+long[:63]+"}") + "}"},

		"nothing to do":               {spec: "{}", want: []string{"spec: nothing to do: set update, or argocd.applications, or both"}},
		"empty lists":                 {spec: "argocd: {applications: []}\nupdate: []", want: []string{"spec: nothing to do: set update, or argocd.applications, or both"}},
		"update without images":       {spec: kustomize, want: []string{"spec: update needs images: say which image to set"}},
		"update without tag":          {spec: "images: [{name: a}]\n" + kustomize, want: []string{"spec: update needs newTag or digest in each of images"}},
		"update with an empty tag":    {spec: "images: [{name: a, newTag: ''}]\n" + kustomize, want: []string{"spec: update needs newTag or digest in each of images"}},
		"an image twice":              {spec: "images: [{name: a, newTag: '1'}, {name: a, newTag: '2'}]\n" + kustomize, want: []string{"spec: images has a name twice"}},
		"workloads, no application":   {spec: one + kustomize + "verify: {workloads: [{kind: Job, name: a}]}", want: []string{"spec: verify.workloads needs argocd.applications: workloads are read through Argo CD"}},
		"restart and update":          {spec: one + kustomize + app + "restart: 'true'", want: []string{"spec: restart excludes update: a new image restarts the pods by itself"}},
		"restart of a Job":            {spec: app + "restart: 'true'\nverify: {workloads: [{kind: Job, name: a}]}", want: []string{"spec: a CronJob or Job cannot be restarted: name Deployments, StatefulSets, DaemonSets or Rollouts in verify.workloads"}},
		"revert without update":       {spec: app + "onFailure: Revert", want: []string{"spec: onFailure Revert needs update: without one there is nothing to put back"}},
		"dry run without update":      {spec: app + "dryRun: 'true'", want: []string{"spec: dryRun needs update: without one there is no change to compute"}},
		"plaintext and insecure":      {spec: "argocd: {applications: [{name: a}], plaintext: 'true', insecure: 'true'}", want: []string{"spec.argocd: plaintext and insecure exclude each other: without TLS there is no certificate to skip"}},
		"applications and labels":     {spec: "argocd: {applications: [{name: a}], selector: {matchLabels: {a: b}}}", want: []string{"spec.argocd: applications and selector exclude each other"}},
		"too many applications":       {spec: "argocd: {applications: " + repeat(17, "{name: a#}") + "}", want: []string{"spec.argocd.applications: must have at most 16 items"}},
		"an application twice":        {spec: "argocd: {applications: [{name: a, namespace: b}, {name: a, namespace: b, project: c}]}", want: []string{"spec.argocd: applications has one of them twice"}},
		"labels without labels":       {spec: "argocd: {selector: {matchLabels: {}}}", want: []string{"spec.argocd.selector.matchLabels: spec.argocd.selector.matchLabels in body should have at least 1 properties"}},
		"no labels":                   {spec: "argocd: {selector: {}}", want: []string{"spec.argocd.selector.matchLabels: "}},
		"too many labels":             {spec: "argocd: {selector: {matchLabels: {" + strings.Trim(repeat(17, "a#: b"), "[]") + "}}}", want: []string{"spec.argocd.selector.matchLabels: must have at most 16 items"}},
		"label's name":                {spec: "argocd: {selector: {matchLabels: {'a b': c}}}", want: []string{"spec.argocd.selector.matchLabels: write the names of labels, without variables"}},
		"variable as a label's name":  {spec: "argocd: {selector: {matchLabels: {'$(params.a)': c}}}", want: []string{"spec.argocd.selector.matchLabels: write the names of labels, without variables"}},
		"label's value":               {spec: "argocd: {selector: {matchLabels: {a: b c}}}", want: []string{"spec.argocd.selector.matchLabels[a]: write the value of a label: at most 63 letters, digits, '-', '_' and '.'"}},
		"too many updates":            {spec: one + "update: " + repeat(17, "{kustomize: {path: a}}"), want: []string{"spec.update: must have at most 16 items"}},
		"update of nothing":           {spec: one + "update: [{}]", want: []string{"spec.update[0]: " + ways}},
		"update in two ways":          {spec: one + "update: [{kustomize: {path: a}, yaml: {file: a, path: b, value: c}}]", want: []string{"spec.update[0]: " + ways}},
		"update in an unknown way":    {spec: one + "update: [{jsonnet: {}}]", want: []string{"spec.update[0].jsonnet: unknown", "spec.update[0]: " + ways}},
		"value, with names of images": {spec: one + "update: [{images: [a], yaml: {file: a, path: b, value: c}}]", want: []string{"spec.update[0]: yaml sets a value, not an image: leave images out"}},
		"value without value":         {spec: two + "update: [{yaml: {file: a, path: b, value: ''}}]", want: []string{"spec: yaml needs a value, unless there is exactly one of images: then it is that one's tag"}},
		"value of two lines":          {spec: `update: [{yaml: {file: a, path: b, value: "c\nd"}}]`, want: []string{"spec.update[0].yaml.value: write one line"}},
		"value of a directory":        {spec: "update: [{yaml: {file: ., path: b, value: c}}]", want: []string{"spec.update[0].yaml.file: " + file}},
		"value without path":          {spec: "update: [{yaml: {file: a, path: '', value: c}}]", want: []string{"spec.update[0].yaml.path: must not be empty"}},
		"helm of two images":          {spec: two + "update: [{helm: {file: a, tag: b}}]", want: []string{"spec: helm sets one image, and there are several: name it in the update's images"}},
		"helm of two by name":         {spec: two + "update: [{images: [a, b], helm: {file: a, tag: b}}]", want: []string{"spec: helm sets one image, and there are several: name it in the update's images"}},
		"helm of no place":            {spec: one + "update: [{helm: {file: a, repository: b, tag: ''}}]", want: []string{"spec.update[0].helm: say where the image is: image for one combined field, else tag or digest"}},
		"helm, whole and parts":       {spec: one + "update: [{helm: {file: a, image: b, repository: c}}]", want: []string{"spec.update[0].helm: image is the whole reference in one field: it excludes repository, tag and digest"}},
		"helm of a directory":         {spec: one + "update: [{helm: {file: charts/, tag: b}}]", want: []string{"spec.update[0].helm.file: " + file}},
		"helm, path that is none":     {spec: one + "update: [{helm: {file: a, tag: b..c}}]", want: []string{`spec.update[0].helm.tag: write a path such as image.tag, servers[0].image or "app.io/server".tag`}},
		"manifests without path":      {spec: one + "update: [{manifests: {path: ''}}]", want: []string{"spec.update[0].manifests.path: must not be empty"}},
		"container that is none":      {spec: one + "update: [{manifests: {path: a, container: b.c}}]", want: []string{"spec.update[0].manifests.container: write a name of lower case letters, digits and '-', at most 63 characters"}},
		"unknown field of a way":      {spec: one + "update: [{kustomize: {path: a, container: b}}]", want: []string{"spec.update[0].kustomize.container: unknown"}},
		"queue":                       {spec: app + "lock: {queue: LIFO}", want: []string{"spec.lock.queue: write FIFO or Latest"}},
		"transport":                   {spec: "argocd: {applications: [{name: a}], transport: http}", want: []string{"spec.argocd.transport: write grpc or grpc-web"}},
		"window":                      {spec: "argocd: {applications: [{name: a}], sync: {window: Skip}}", want: []string{"spec.argocd.sync.window: write Fail or Wait"}},
		"foreign operation":           {spec: "argocd: {applications: [{name: a}], sync: {onForeignOperation: Fail}}", want: []string{"spec.argocd.sync.onForeignOperation: write Wait or Terminate"}},
		"failure":                     {spec: one + kustomize + "onFailure: Retry", want: []string{"spec.onFailure: write Keep or Revert"}},
		"no time to sync":             {spec: "argocd: {applications: [{name: a}], sync: {timeout: 0s}}", want: []string{"spec.argocd.sync.timeout: write a duration such as 90s, 10m or 1h30m, at least 1s and at most 168h"}},
		"signing without a key":       {spec: one + kustomize + "git: {signing: {}}", want: []string{"spec.git.signing.secretRef: "}},
		"workload of another kind":    {spec: app + "verify: {workloads: [{kind: ReplicaSet, name: a}]}", want: []string{"spec.verify.workloads[0].kind: write Deployment, StatefulSet, DaemonSet, Rollout, CronJob or Job"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, s.refuse(t, deploy(t, tc.spec))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
