package manifest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// rewrite is an edit under way: the changes of the bytes, and what the file
// must say once they are made.
type rewrite struct {
	*source
	limits
	changes changes
	// want has the nodes that are to differ, and what each is to be instead. The
	// children of such a node are those that it is to have then.
	want map[*yaml.Node]*yaml.Node
	// strings are those of them that every parser has to take for a string.
	strings map[*yaml.Node]bool
	// aliases of each node that carries an anchor.
	aliases map[*yaml.Node][]*yaml.Node
	// verb says what cannot be done when the result is refused.
	verb string
	// along are aliases that may change with the node that they stand for.
	along map[*yaml.Node]bool
}

func open(path string, data []byte, options []Option) (*rewrite, error) {
	l := limits{maxBytes: DefaultMaxBytes}
	for _, option := range options {
		option(&l)
	}
	if err := l.check(path, data); err != nil {
		return nil, err
	}
	s, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	r := &rewrite{
		source: s, limits: l, verb: "set",
		want:    map[*yaml.Node]*yaml.Node{},
		strings: map[*yaml.Node]bool{},
		aliases: map[*yaml.Node][]*yaml.Node{},
		along:   map[*yaml.Node]bool{},
	}
	for _, doc := range s.docs {
		r.index(doc)
	}
	return r, nil
}

func (r *rewrite) index(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		r.aliases[n.Alias] = append(r.aliases[n.Alias], n)
	}
	for _, child := range n.Content {
		r.index(child)
	}
}

// literal is a scalar to write.
type literal struct {
	// tag and value are what a parser of YAML 1.2 takes it for.
	tag, value string
	// raw is its text in the file, where isRaw. Otherwise it is a string, in the
	// style of what it replaces, with quotes where a parser would take it for
	// something else.
	raw   string
	isRaw bool
}

func text(s string) literal { return literal{tag: "!!str", value: s} }

func (l literal) write(style yaml.Style) string {
	if l.isRaw {
		return l.raw
	}
	return scalar(l.value, style)
}

// put is a scalar to set at a spot.
type put struct {
	at spot
	literal
}

// putAll sets scalars. An alias of one of them that is to say the same follows
// it and stays.
func (r *rewrite) putAll(all []put) error {
	direct := map[*yaml.Node]literal{}
	for _, one := range all {
		direct[one.at.node] = one.literal
	}
	for _, one := range all {
		n := one.at.node
		if l, ok := direct[resolve(n)]; ok && n.Kind == yaml.AliasNode && l == one.literal {
			r.along[n] = true
		}
	}
	for _, one := range all {
		if r.along[one.at.node] {
			continue
		}
		if err := r.put(one.at, one.literal); err != nil {
			return err
		}
	}
	return nil
}

// put sets the scalar at a spot.
func (r *rewrite) put(at spot, l literal) error {
	switch {
	case resolve(at.node).Kind != yaml.ScalarNode:
		return r.failAt(at.node, "%s is no single value: it is %s", at.name, describe(resolve(at.node)))
	case r.want[at.node] != nil:
		return r.failAt(at.node, "%s is set twice: give each part a path of its own", at.name)
	}
	if err := r.checkOwn(at); err != nil {
		return err
	}
	r.changes = append(r.changes, r.replaceScalar(at.node, r.holderIndent(at), l.write)...)
	if l.write(0) == "" && !at.inFlow() {
		r.changes = append(r.changes, r.blanksBefore(r.content(at.node)))
	}
	r.want[at.node] = &yaml.Node{Kind: yaml.ScalarNode, Tag: l.tag, Value: l.value, Anchor: anchor(at.node)}
	r.strings[at.node] = !l.isRaw
	return nil
}

// anchor is that of the node itself: an alias gives way as a whole.
func anchor(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		return ""
	}
	return n.Anchor
}

// describe says what a collection is, for a message.
func describe(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list of " + items(n)
	}
	return "a mapping with the keys " + listKeys(n)
}

func items(list *yaml.Node) string {
	if len(list.Content) == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", len(list.Content))
}

// checkOwn refuses to change a value that the file uses in another place too.
func (r *rewrite) checkOwn(at spot) error {
	if at.refusal != nil {
		return at.refusal
	}
	for on := &at; on != nil; on = on.up {
		for _, alias := range r.aliases[on.node] {
			if !r.along[alias] {
				return r.failAt(on.node, "%s carries the anchor &%s, which line %d uses too: write the values out", on.name, on.node.Anchor, alias.Line)
			}
		}
	}
	return nil
}

// finish makes the changes and completes the edit. The result is parsed again,
// and refused when it differs from the input in anything that is not wanted.
func (r *rewrite) finish(edit Edit) (Edit, error) {
	edit.Data = r.changes.apply(r.data)
	if bytes.Equal(edit.Data, r.data) {
		edit.Data = r.data
		return edit, nil
	}
	if err := r.check(r.path, edit.Data); err != nil {
		return Edit{}, err
	}
	after, err := parse(r.path, edit.Data)
	if err != nil {
		return Edit{}, r.refuse("the result would be no valid YAML (" + err.Error() + ")")
	}
	e := expectation{rewrite: r, touched: map[*yaml.Node]bool{}, twins: map[*yaml.Node]*yaml.Node{}}
	if why := e.check(after.docs); why != "" {
		return Edit{}, r.refuse(why)
	}
	edit.Changed = true
	return edit, nil
}

func (r *rewrite) refuse(why string) *Error {
	line, column := r.position(r.changes[0].from)
	return r.fail(line, column, "cannot be %s: %s; write it as a plain value on one line, without anchors and tags", r.verb, why)
}

// expectation compares a file after an edit with what it is to be.
type expectation struct {
	*rewrite
	// touched are the nodes that differ themselves or have one below them.
	touched map[*yaml.Node]bool
	// twins have, for each node before, the one after.
	twins map[*yaml.Node]*yaml.Node
}

const otherChange = "something else in the file would change with it"

// check returns why the documents are not the expected ones, or "".
func (e *expectation) check(after []*yaml.Node) string {
	if len(e.docs) != len(after) {
		return otherChange
	}
	for i, doc := range e.docs {
		e.touch(doc)
		if why := e.same(doc, after[i]); why != "" {
			return why
		}
	}
	return ""
}

func (e *expectation) touch(n *yaml.Node) bool {
	touched := e.want[n] != nil
	for _, child := range n.Content {
		touched = e.touch(child) || touched
	}
	e.touched[n] = touched
	return touched
}

// same compares kinds, tags, values, anchors and what aliases stand for. An
// alias always follows its anchor, so that one's twin is known by then.
func (e *expectation) same(before, after *yaml.Node) string {
	want, why := e.want[before], "the result would not be what was asked for"
	if want == nil {
		want, why = before, otherChange
	}
	e.twins[before] = after
	switch {
	case want.Kind != after.Kind || want.ShortTag() != after.ShortTag() || want.Value != after.Value || want.Anchor != after.Anchor:
		return why
	case want.Kind == yaml.AliasNode && (e.twins[want.Alias] != after.Alias || e.touched[want.Alias] && !e.along[want]):
		return otherChange
	case len(want.Content) != len(after.Content):
		return why
	case e.strings[before] && !isString(after, want.Value):
		return why
	}
	for i, child := range want.Content {
		if why := e.same(child, after.Content[i]); why != "" {
			return why
		}
	}
	return ""
}
