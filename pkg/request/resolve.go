package request

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// Resolve makes the Request of a run. defaults come from ParseDefaults.
func Resolve(ctx context.Context, in Input, definitions Definitions, defaults Defaults) (Request, error) {
	switch {
	case in.Embedded:
		return resolveTemplate(in, "", in.EmbeddedSpec, defaults)
	case in.RefName == "":
		return resolveParameters(in, defaults)
	}
	definition, err := definitions.GitOpsDeploy(ctx, in.Namespace, in.RefName)
	if apierrors.IsNotFound(err) {
		return Request{}, fmt.Errorf("%w: namespace %s has no %s %q: list them with kubectl get gitopsdeploys -n %s",
			ErrDefinitionNotFound, in.Namespace, v1alpha1.KindGitOpsDeploy, clip(in.RefName), in.Namespace)
	}
	if err != nil {
		return Request{}, fmt.Errorf("read %s %s/%s: %w", v1alpha1.KindGitOpsDeploy, in.Namespace, in.RefName, err)
	}
	data, err := json.Marshal(definition.Spec)
	if err != nil {
		return Request{}, fmt.Errorf("encode %s %s/%s: %w", v1alpha1.KindGitOpsDeploy, in.Namespace, in.RefName, err)
	}
	return resolveTemplate(in, definition.Name, data, defaults)
}

// resolveParameters is the form without a definition and without a spec.
func resolveParameters(in Input, defaults Defaults) (Request, error) {
	p := &problems{kind: ErrInvalidParameters}
	t := fromParameters(in.Params, defaults, p)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	p.subject = t.parameterSubject
	message := plainMessage(t.take("git", paramMessage))
	spec, err := decodeSpec(t.root)
	if err != nil {
		return Request{}, err
	}
	return build(in, "", spec, message, p)
}

// resolveTemplate is the form by name and the embedded one: check the shape, give the parameters their values,
// substitute, complete with the defaults.
func resolveTemplate(in Input, definition string, data []byte, defaults Defaults) (Request, error) {
	p := &problems{kind: ErrInvalidSpec, subject: specPath}
	root := decodeTree(data, p)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	template, err := decodeSpec(root)
	if err != nil {
		return Request{}, err
	}
	params := &problems{kind: ErrInvalidParameters}
	variables := newScope(in, bind(template.Params, in.Params, p, params))
	if err := firstOf(p, params); err != nil {
		return Request{}, err
	}
	t := newTree(root)
	delete(root, "params")
	message, err := variables.templateMessage(t.take("git", paramMessage))
	if err != nil {
		p.add("git.message", "%s", err)
	}
	t.root, _ = variables.substitute(root, "", p).(map[string]any)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	if message.blank() {
		message = nil
	}
	message = completeFrom(t, defaults, message)
	spec, err := decodeSpec(t.root)
	if err != nil {
		return Request{}, err
	}
	p.subject = t.specSubject
	return build(in, definition, spec, message, p)
}

// completeFrom fills in the fields that a definition leaves open.
func completeFrom(t *tree, defaults Defaults, message Message) Message {
	for _, parameter := range Parameters() {
		v, ok := defaults.get(parameter.Name)
		if !ok || parameter.RunOnly {
			continue
		}
		if parameter.Name != paramMessage {
			t.complete(parameter.Field, v.text, v.origin)
			continue
		}
		if message == nil {
			message = plainMessage(v.text)
			t.origins[parameter.Field] = v.origin
		}
	}
	return message
}

func firstOf(all ...*problems) error {
	for _, p := range all {
		if err := p.err(); err != nil {
			return err
		}
	}
	return nil
}
