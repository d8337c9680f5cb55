package request

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// Bounds of lists, as in the CRD's schema.
const (
	MaxImages    = 16
	maxWorkloads = 32
)

// leastTimeout: a sync or a rollout that may take no time at all can only fail.
const leastTimeout = time.Second

// build checks a spec without variables, fills in what it leaves out, and gives every field its type. texts has what the
// spec or a default say.
func build(in Input, definition string, spec spec, texts messages, p *problems) (Request, error) {
	c := checks{p}
	r := Request{
		Version:    Version,
		Definition: definition,
		Run: Run{
			Namespace: in.Namespace, Name: in.Name, UID: in.UID,
			PipelineRun: in.PipelineRun, Pipeline: in.Pipeline,
			ServiceAccount: in.ServiceAccount,
		},
	}
	if r.Run.ServiceAccount == "" {
		r.Run.ServiceAccount = defaultServiceAccount
	}
	r.Images = c.images(spec.Images, len(spec.Update) > 0)
	r.Updates = c.updates(spec.Update, r.Images, len(spec.Images) > 0)
	message := texts[messageField]
	if len(spec.Update) == 0 {
		message = nil // Nothing is committed, so it matters not how many images a default message speaks of.
	}
	r.Git = c.git(spec.Git, message, len(r.Images))
	if in.kind() == v1alpha1.KindGitOpsPR {
		r.PullRequest = c.pullRequest(spec, texts, r)
	}
	if r.PullRequest != nil && r.PullRequest.Wait != WaitDeployed {
		spec.ArgoCD, spec.Verify = nil, nil // A definition has them for the runs that wait.
	}
	r.ArgoCD = c.argocd(spec.ArgoCD)
	r.Verify = c.verify(spec.Verify)
	r.Restart = c.boolean("restart", string(spec.Restart))
	r.Revert = c.choice("onFailure", string(spec.OnFailure), onFailureKeep, onFailureRevert)
	r.DryRun = c.boolean("dryRun", string(spec.DryRun))
	if len(r.Updates) == 0 {
		r.Git = nil
	} else if r.Git.URL == "" {
		c.required("git.url", "")
	}
	c.together(r)
	r.Lock = c.lock(spec.Lock, r.PullRequest != nil)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	if r.Lock.Name == "" && r.PullRequest == nil {
		r.Lock.Name = LockName(r)
	}
	if err := bounded(r, p.kind); err != nil {
		return Request{}, err
	}
	return r, nil
}

// bounded looks at the whole: each field may be within its own bound and all of them too much for the checkpoint.
func bounded(r Request, kind error) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	if len(data) > MaxBytes {
		return fmt.Errorf("%w: the resolved request has %d bytes, at most %d can be kept: shorten the texts or the lists", kind, len(data), MaxBytes)
	}
	return nil
}

// together checks what the parts of a request have to do with each other.
func (c checks) together(r Request) {
	switch {
	case r.PullRequest != nil && len(r.Updates) == 0:
		c.add("update", "missing: a pull request needs a change to propose")
	case r.PullRequest != nil && r.PullRequest.Wait == WaitDeployed && r.ArgoCD == nil:
		c.add("argocd.applications[0].name", "missing: wait is %s, so say where it is deployed", WaitDeployed)
		return
	case len(r.Updates) == 0 && r.ArgoCD == nil:
		c.add("argocd.applications[0].name", "missing: without an application and without an update there is nothing to do")
	}
	if r.ArgoCD == nil && len(r.Verify.Workloads) > 0 {
		c.add("argocd.applications[0].name", "missing: workloads are read through the application that they belong to")
	}
	if r.Restart && len(r.Updates) > 0 {
		c.add("restart", "excludes update, because a new image restarts the pods by itself: keep one of them")
	}
	for i, w := range r.Verify.Workloads {
		if r.Restart && (w.Kind == kindCronJob || w.Kind == kindJob) {
			c.add(fmt.Sprintf("verify.workloads[%d].kind", i), "is %s, which cannot be restarted: name a Deployment, StatefulSet, DaemonSet or Rollout", w.Kind)
		}
	}
	if r.Revert && len(r.Updates) == 0 {
		c.add("onFailure", "is %s: without an update there is nothing to put back", onFailureRevert)
	}
	if r.DryRun && len(r.Updates) == 0 {
		c.add("dryRun", "needs update: without one there is no change to compute")
	}
}

func (c checks) images(images []v1alpha1.Image, update bool) []image.Want {
	if len(images) > MaxImages {
		c.add("images", "has %d items: at most %d", len(images), MaxImages)
		return nil
	}
	var wants []image.Want
	for i, img := range images {
		field := fmt.Sprintf("images[%d]", i)
		want := image.Want{Name: string(img.Name), NewName: string(img.NewName), NewTag: string(img.NewTag), Digest: string(img.Digest)}
		c.image(field, want)
		if update && want.NewTag == "" && want.Digest == "" {
			c.add(field+".newTag", "missing: give a tag or a digest to set")
		}
		for _, other := range wants {
			if image.SameName(want.Name, other.Name) {
				c.add(field+".name", "%q is there twice", clip(want.Name))
				break
			}
		}
		wants = append(wants, want)
	}
	return wants
}

// image checks each part by itself, so that the message can name it.
func (c checks) image(field string, want image.Want) {
	const anyName, anyTag = "a", "a"
	parts := []struct {
		field string
		value string
		want  image.Want
	}{
		{".name", want.Name, image.Want{Name: want.Name, NewTag: anyTag}},
		{".newName", want.NewName, image.Want{Name: anyName, NewName: want.NewName, NewTag: anyTag}},
		{".newTag", want.NewTag, image.Want{Name: anyName, NewTag: want.NewTag}},
		{".digest", want.Digest, image.Want{Name: anyName, Digest: want.Digest}},
	}
	for i, part := range parts {
		if part.value == "" && i > 0 || !c.plain(field+part.field, part.value) {
			continue
		}
		if err := part.want.Validate(); err != nil {
			c.add(field+part.field, "%s", withoutSentinel(err))
		}
	}
}

func (c checks) git(git *v1alpha1.Git, message Message, images int) *Git {
	if git == nil {
		git = &v1alpha1.Git{}
	}
	g := &Git{Branch: c.branch("git.branch", string(git.Branch), defaultBranch)}
	if git.URL != "" {
		g.URL = c.repository("git.url", string(git.URL))
	}
	g.Secret = c.secretRef("git.secretRef", git.SecretRef)
	if git.Signing != nil {
		if git.Signing.SecretRef == nil {
			c.add("git.signing.secretRef.name", "missing: name a Secret with the key")
		}
		g.Signing = c.secretRef("git.signing.secretRef", git.Signing.SecretRef)
	}
	author := git.Author
	if author == nil {
		author = &v1alpha1.Author{}
	}
	g.Author.Name = c.line("git.author.name", string(author.Name), defaultAuthorName)
	g.Author.Email = c.line("git.author.email", string(author.Email), defaultAuthorEmail)
	g.Message = c.message("git.message", message, images)
	return g
}

func (c checks) message(field string, m Message, images int) Message {
	if m.blank() {
		return defaultMessage(images)
	}
	return c.text(field, m, images, maxMessageBytes)
}

// text checks a text in which the image's variables may be open.
func (c checks) text(field string, m Message, images, most int) Message {
	variable, uses := m.usesImage()
	switch {
	case uses && images != 1:
		c.add(field, "uses $(%s), which has a value when exactly one image is set, and there are %d", variable, images)
	case m.bytes() > most:
		c.add(field, "has %d bytes: at most %d", m.bytes(), most)
	case !m.printable():
		c.add(field, "holds control characters")
	}
	return m
}

func (c checks) verify(spec *v1alpha1.Verify) Verify {
	if spec == nil {
		spec = &v1alpha1.Verify{}
	}
	v := Verify{
		Health:       Health(spec.Health),
		Timeout:      c.duration("verify.timeout", string(spec.Timeout), defaultCheckTimeout, leastTimeout),
		StableFor:    c.duration("verify.stableFor", string(spec.StableFor), 0, 0),
		FailureGrace: c.duration("verify.failureGrace", string(spec.FailureGrace), defaultFailureGrace, 0),
	}
	switch v.Health {
	case HealthApplication, HealthWorkloads:
	case "":
		v.Health = defaultHealth
	default:
		c.add("verify.health", "is %q: write %s or %s", clip(string(v.Health)), HealthApplication, HealthWorkloads)
	}
	if len(spec.Workloads) > maxWorkloads {
		c.add("verify.workloads", "has %d items: at most %d", len(spec.Workloads), maxWorkloads)
		return v
	}
	for i, w := range spec.Workloads {
		v.Workloads = append(v.Workloads, c.workload(fmt.Sprintf("verify.workloads[%d]", i), w))
	}
	return v
}

func (c checks) workload(field string, w v1alpha1.Workload) Workload {
	if c.required(field+".kind", string(w.Kind)) && !slices.Contains(WorkloadKinds(), string(w.Kind)) {
		c.add(field+".kind", "is %q: write one of %s", clip(string(w.Kind)), known(WorkloadKinds()))
	}
	c.required(field+".name", string(w.Name))
	return Workload{
		Kind:      string(w.Kind),
		Name:      c.object(field+".name", string(w.Name)),
		Namespace: c.label(field+".namespace", string(w.Namespace)),
		Container: c.label(field+".container", string(w.Container)),
	}
}

// lock checks a lock; with byName there is none without a name.
func (c checks) lock(spec *v1alpha1.Lock, byName bool) Lock {
	if spec == nil {
		spec = &v1alpha1.Lock{}
	}
	if byName && spec.Name == "" && (spec.Queue != "" || spec.Timeout != "") {
		c.add("lock.name", "missing: a pull request takes a lock only by its name")
	}
	return Lock{
		Name:    c.object("lock.name", string(spec.Name)),
		Latest:  c.choice("lock.queue", string(spec.Queue), queueFIFO, queueLatest),
		Timeout: c.duration("lock.timeout", string(spec.Timeout), defaultLockTimeout, 0),
	}
}

// secretRef returns the name; the field is absent, or names a Secret, or names none and is as good as absent.
func (c checks) secretRef(field string, ref *v1alpha1.SecretRef) string {
	if ref == nil {
		return ""
	}
	return c.secret(field+".name", string(ref.Name))
}
