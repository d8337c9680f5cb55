package request

import (
	"context"
	"slices"
)

// Resolve makes the Request of a run. defaults come from ParseDefaults.
func Resolve(ctx context.Context, in Input, definitions Definitions, defaults Defaults) (Request, error) {
	switch {
	case in.Embedded:
		return resolveTemplate(in, "", in.EmbeddedSpec, defaults)
	case in.RefName == "":
		return resolveParameters(in, defaults)
	}
	definition, data, err := read(ctx, in, definitions)
	if err != nil {
		return Request{}, err
	}
	return resolveTemplate(in, definition, data, defaults)
}

// resolveParameters is the form without a definition and without a spec.
func resolveParameters(in Input, defaults Defaults) (Request, error) {
	p := &problems{kind: ErrInvalidParameters}
	t := fromParameters(in.kind(), in.Params, defaults, p)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	p.subject = t.parameterSubject
	texts := t.takeMessages(in.kind(), func(_, text string) Message { return plainMessage(text) })
	spec, err := decodeSpec(t.root)
	if err != nil {
		return Request{}, err
	}
	return build(in, "", spec, texts, p)
}

// resolveTemplate is the form by name and the embedded one: check the shape, give the parameters their values,
// substitute, complete with the defaults.
func resolveTemplate(in Input, definition string, data []byte, defaults Defaults) (Request, error) {
	p := &problems{kind: ErrInvalidSpec, subject: specPath}
	root := decodeTree(in.kind(), data, p)
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
	texts := t.takeMessages(in.kind(), func(path, text string) Message {
		m, err := variables.templateMessage(text)
		if err != nil {
			p.add(path, "%s", err)
		}
		return m
	})
	t.root, _ = variables.substitute(root, "", p).(map[string]any)
	if err := p.err(); err != nil {
		return Request{}, err
	}
	completeFrom(in.kind(), t, defaults, texts)
	spec, err := decodeSpec(t.root)
	if err != nil {
		return Request{}, err
	}
	p.subject = t.specSubject
	return build(in, definition, spec, texts, p)
}

// completeFrom fills in the fields that a definition leaves open.
func completeFrom(kind string, t *tree, defaults Defaults, texts messages) {
	for _, parameter := range Parameters() {
		v, ok := defaults.get(parameter.Name)
		if !ok || !parameter.completes(kind, t) {
			continue
		}
		if !slices.Contains(messageFields(kind), parameter.Field) {
			t.complete(parameter.Field, v.node(), v.origin)
			continue
		}
		if _, said := texts[parameter.Field]; !said {
			texts[parameter.Field] = plainMessage(v.text)
			t.origins[parameter.Field] = v.origin
		}
	}
}

func firstOf(all ...*problems) error {
	for _, p := range all {
		if err := p.err(); err != nil {
			return err
		}
	}
	return nil
}
