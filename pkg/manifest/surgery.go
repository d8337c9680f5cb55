package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// surgery gives a mapping of now fields back, and takes others out.
type surgery struct {
	*undo
	at               spot
	old, edited, now keyed
	// back are pairs of before that the edit has removed; out are pairs of now
	// that it has added.
	back, out []pair
	// content is what the mapping is to have in the end.
	content []*yaml.Node
}

func (s surgery) operate() error {
	if len(s.back) == 0 && len(s.out) == 0 {
		return nil
	}
	mapping := resolve(s.at.node)
	if err := s.checkOwn(s.at); err != nil {
		return err
	}
	s.content = slices.Clone(mapping.Content)
	for _, p := range slices.Clone(s.out) {
		if i := slices.IndexFunc(s.back, func(b pair) bool { return s.tookPlace(b, p) }); i >= 0 {
			if err := s.swap(p, s.back[i]); err != nil {
				return err
			}
			s.back = slices.Delete(s.back, i, i+1)
			continue
		}
		s.changes = append(s.changes, s.remove(mapping, slices.Index(mapping.Content, p.key))...)
		i := slices.Index(s.content, p.key)
		s.content = slices.Delete(s.content, i, i+2)
	}
	for _, p := range s.back {
		if err := s.insert(mapping, p); err != nil {
			return err
		}
	}
	whole := *mapping
	whole.Content = s.content
	s.want[mapping] = &whole
	return nil
}

// tookPlace reports whether the edit has put the pair added where it took the
// pair gone away.
func (s *surgery) tookPlace(gone, added pair) bool {
	return slices.Index(s.old.order, resolve(gone.key).Value) == slices.Index(s.edited.order, resolve(added.key).Value) &&
		!isCollection(gone.value) && !isCollection(added.value)
}

// swap gives a pair the key and the value back that it has taken the place of.
func (s *surgery) swap(p, old pair) error {
	at := s.of(s.at, p)
	if err := s.checkOwn(at); err != nil {
		return err
	}
	l, err := s.literal(resolve(old.value), at)
	if err != nil {
		return err
	}
	name := resolve(old.key).Value
	s.changes = append(s.changes, change{from: s.undo.content(p.key), to: s.end(p.key, 0), text: scalar(name, p.key.Style)})
	s.changes = append(s.changes, s.replaceScalar(p.value, s.indent(resolve(s.at.node)), l.write)...)
	i := slices.Index(s.content, p.key)
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Anchor: anchor(p.key)}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: l.tag, Value: l.value, Anchor: anchor(p.value)}
	s.content = slices.Replace(s.content, i, i+2, key, value)
	return nil
}

// insert adds a pair of before behind the one that it followed there.
func (s *surgery) insert(mapping *yaml.Node, p pair) error {
	if isCollection(p.value) {
		return s.stuck(s.at)
	}
	l, err := s.literal(resolve(p.value), s.below(s.at, mapping, s.at.name))
	if err != nil {
		return err
	}
	name := resolve(p.key).Value
	behind := s.predecessor(name)
	s.changes = append(s.changes, s.insertion(mapping, behind, name, l, s.comment(p)))
	i := 0
	if behind.key != nil {
		i = slices.Index(s.content, behind.key) + 2
	}
	for i < len(s.content) && s.content[i].Line == 0 {
		i += 2 // another one that came back to the same place
	}
	s.content = slices.Insert(s.content, i,
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: l.tag, Value: l.value})
	return nil
}

// predecessor is the pair of now behind which a field of before belongs. It has
// no key where the field comes first.
func (s *surgery) predecessor(name string) pair {
	for i := slices.Index(s.old.order, name) - 1; i >= 0; i-- {
		if p := s.now.pairs[s.old.order[i]]; p.key != nil && slices.Contains(s.content, p.key) {
			return p
		}
	}
	return pair{}
}

// insertion is the change that writes a field behind another one, or first.
func (s *surgery) insertion(mapping *yaml.Node, behind pair, name string, l literal, comment string) change {
	style := yaml.Style(0)
	if len(mapping.Content) > 0 {
		style = mapping.Content[0].Style
	}
	field := scalar(name, style) + ": " + l.write(style)
	switch {
	case isFlow(mapping) && (behind.key != nil || len(mapping.Content) == 0):
		return s.insertFlow(mapping, slices.Index(mapping.Content, behind.key), field)
	case isFlow(mapping):
		at := s.offset(mapping.Content[0])
		return change{from: at, to: at, text: field + ", "}
	}
	blanks := strings.Repeat(" ", s.indent(mapping))
	if behind.key == nil {
		at := s.offset(mapping.Content[0])
		return change{from: at, to: at, text: field + comment + s.lineBreak(at) + blanks}
	}
	at := s.lineEnd(s.end(behind.value, s.indent(mapping)))
	return change{from: at, to: at, text: s.lineBreak(at) + blanks + field + comment}
}

// comment is what follows a pair of before on its line.
func (s *surgery) comment(p pair) string {
	end := s.before.end(p.value, 0)
	if !s.before.restIsBlank(end) {
		return ""
	}
	return string(s.before.data[end:s.before.lineEnd(end)])
}
