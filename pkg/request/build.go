package request

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// Bounds of lists, as in the CRD's schema.
const (
	MaxImages    = 16
	maxWorkloads = 32
	maxOptions   = 16
)

// leastTimeout: a sync or a rollout that may take no time at all can only fail.
const leastTimeout = time.Second

// build checks a spec without variables, fills in what it leaves out, and gives every field its type. message is nil
// when neither the spec nor a default has one.
func build(in Input, definition string, spec v1alpha1.GitOpsDeploySpec, message Message, p *problems) (Request, error) {
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
	r.Update = c.update(spec.Update)
	r.Images = c.images(spec.Images, r.Update != nil)
	r.Git = c.git(spec.Git, message, len(r.Images))
	r.ArgoCD = c.argocd(spec.ArgoCD)
	r.Verify = c.verify(spec.Verify)
	if r.Update == nil {
		r.Git = nil
	} else if r.Git.URL == "" {
		c.required("git.url", "")
	}
	if r.Update == nil && r.ArgoCD == nil {
		c.add("argocd.applications[0].name", "missing: without an application and without an update there is nothing to do")
	}
	if r.ArgoCD == nil && len(r.Verify.Workloads) > 0 {
		c.add("argocd.applications[0].name", "missing: workloads are read through the application that they belong to")
	}
	r.Lock = c.lock(spec.Lock)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	if r.Lock.Name == "" {
		r.Lock.Name = LockName(r)
	}
	return r, bounded(r, p.kind)
}

// bounded looks at the whole: each field may be within its own bound and all of them too much for the checkpoint.
func bounded(r Request, kind error) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	if len(data) > MaxBytes {
		return fmt.Errorf("%w: the resolved request has %d bytes, at most %d can be kept: shorten the message or the lists", kind, len(data), MaxBytes)
	}
	return nil
}

func (c checks) update(updates []v1alpha1.Update) *Update {
	switch len(updates) {
	case 0:
		return nil
	case 1:
	default:
		c.add("update", "has %d items: one at most", len(updates))
	}
	u := &Update{Kustomize: &Kustomize{}}
	var path string
	if k := updates[0].Kustomize; k != nil {
		path = string(k.Path)
	}
	u.Kustomize.Path = c.directory("update[0].kustomize.path", path)
	return u
}

func (c checks) images(images []v1alpha1.Image, update bool) []image.Want {
	if update && len(images) == 0 {
		c.add("images", "missing: say which image to set")
	}
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
	g := &Git{Branch: c.branch("git.branch", string(git.Branch))}
	if git.URL != "" {
		g.URL = c.repository("git.url", string(git.URL))
	}
	g.Secret = c.secretRef("git.secretRef", git.SecretRef)
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
	variable, uses := m.usesImage()
	switch {
	case uses && images != 1:
		c.add(field, "uses $(%s), which has a value when exactly one image is set, and there are %d", variable, images)
	case m.bytes() > maxMessageBytes:
		c.add(field, "has %d bytes: at most %d", m.bytes(), maxMessageBytes)
	case !m.printable():
		c.add(field, "holds control characters")
	}
	return m
}

func (c checks) argocd(spec *v1alpha1.ArgoCD) *ArgoCD {
	if spec == nil {
		return nil
	}
	a := &ArgoCD{
		Server:    c.server("argocd.server", string(spec.Server)),
		Plaintext: c.boolean("argocd.plaintext", string(spec.Plaintext)),
		Insecure:  c.boolean("argocd.insecure", string(spec.Insecure)),
		Secret:    c.secretRef("argocd.secretRef", spec.SecretRef),
		Sync:      c.sync(spec.Sync),
	}
	if a.Plaintext && a.Insecure {
		c.add("argocd.insecure", "excludes plaintext: without TLS there is no certificate to skip")
	}
	switch len(spec.Applications) {
	case 0:
		return nil
	case 1:
	default:
		c.add("argocd.applications", "has %d items: one at most", len(spec.Applications))
	}
	app := spec.Applications[0]
	c.required("argocd.applications[0].name", string(app.Name))
	a.Application = Application{
		Name:      c.object("argocd.applications[0].name", string(app.Name)),
		Namespace: c.label("argocd.applications[0].namespace", string(app.Namespace)),
		Project:   c.object("argocd.applications[0].project", string(app.Project)),
	}
	if a.Secret == "" {
		c.add("argocd.secretRef.name", "missing: name a Secret with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD")
	}
	return a
}

func (c checks) sync(spec *v1alpha1.Sync) Sync {
	if spec == nil {
		spec = &v1alpha1.Sync{}
	}
	s := Sync{
		Prune:   c.boolean("argocd.sync.prune", string(spec.Prune)),
		Timeout: c.duration("argocd.sync.timeout", string(spec.Timeout), defaultSyncTimeout, leastTimeout),
	}
	if len(spec.Options) > maxOptions {
		c.add("argocd.sync.options", "has %d items: at most %d", len(spec.Options), maxOptions)
		return s
	}
	for i, option := range spec.Options {
		s.Options = append(s.Options, c.syncOption(fmt.Sprintf("argocd.sync.options[%d]", i), string(option)))
	}
	return s
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
	if c.required(field+".kind", string(w.Kind)) && w.Kind != "Deployment" {
		c.add(field+".kind", "is %q: only Deployment can be verified", clip(string(w.Kind)))
	}
	c.required(field+".name", string(w.Name))
	return Workload{
		Kind:      string(w.Kind),
		Name:      c.object(field+".name", string(w.Name)),
		Namespace: c.label(field+".namespace", string(w.Namespace)),
		Container: c.label(field+".container", string(w.Container)),
	}
}

func (c checks) lock(spec *v1alpha1.Lock) Lock {
	if spec == nil {
		spec = &v1alpha1.Lock{}
	}
	return Lock{
		Name:    c.object("lock.name", string(spec.Name)),
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
