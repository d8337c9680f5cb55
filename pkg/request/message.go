package request

import (
	"strings"
	"unicode"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// maxMessageBytes bounds a message before the image's variables are filled in. The whole encoded commit has 8 KiB.
const maxMessageBytes = 4 << 10

// Message is a commit message, or a pull request's title or body, in which only the image variables are still open, because their values are known no
// earlier than the edit. It is a list of parts and not a template, so that a parameter's value which looks like a
// variable stays text.
type Message []MessagePart

// MessagePart is a piece of text, or a variable when Text is empty.
type MessagePart struct {
	Text     string `json:"text,omitempty"`
	Variable string `json:"variable,omitempty"`
}

// Paths of the fields that are Messages.
const (
	messageField = "git.message"
	titleField   = "pullRequest.title"
	bodyField    = "pullRequest.body"
)

// messageFields are the Messages that a run of a kind has.
func messageFields(kind string) []string {
	if kind == v1alpha1.KindGitOpsPR {
		return []string{messageField, titleField, bodyField}
	}
	return []string{messageField}
}

// messages are Messages by the path of their field. Those that are blank are not there.
type messages map[string]Message

// takeMessages removes the Messages from the tree, so that nothing else is substituted in them.
func (t *tree) takeMessages(kind string, read func(path, text string) Message) messages {
	taken := messages{}
	for _, field := range messageFields(kind) {
		object, name, _ := strings.Cut(field, ".")
		if m := read(field, t.take(object, name)); !m.blank() {
			taken[field] = m
		}
	}
	return taken
}

// ImageVariables are the values of the variables that a message may use when exactly one image is set.
type ImageVariables struct {
	Image    string // $(image): the full reference
	Name     string // $(image.name)
	Tag      string // $(image.tag)
	Digest   string // $(image.digest)
	Previous string // $(previous-image): empty when the manifest had none
}

// RenderMessage fills in the image variables. The values are taken as they are.
func RenderMessage(m Message, v ImageVariables) string {
	var b strings.Builder
	for _, part := range m {
		b.WriteString(part.Text)
		switch part.Variable {
		case varImage:
			b.WriteString(v.Image)
		case varImageName:
			b.WriteString(v.Name)
		case varImageTag:
			b.WriteString(v.Tag)
		case varImageDigest:
			b.WriteString(v.Digest)
		case varPreviousImage:
			b.WriteString(v.Previous)
		}
	}
	return b.String()
}

// templateMessage reads the message of a definition: every variable but those of the image gets its value now.
func (s scope) templateMessage(template string) (Message, error) {
	parts, err := scan(template)
	if err != nil {
		return nil, err
	}
	var m Message
	for _, part := range parts {
		if part.Text != "" || isImageVariable(part.Variable) {
			m = m.append(part)
			continue
		}
		value, err := s.scalar(part.Variable)
		if err != nil {
			return nil, err
		}
		m = m.append(MessagePart{Text: value})
	}
	return m, nil
}

// plainMessage reads a message that is a value and not a template: a parameter, or a default. Such text may come from
// anywhere, the title of a source commit for one. So the image's variables are filled in, $$ in front of one keeps it
// as it is, and everything else is text, whatever it looks like.
func plainMessage(value string) Message {
	var m Message
	for rest := value; rest != ""; {
		start := strings.Index(rest, "$(")
		if start < 0 {
			return m.append(MessagePart{Text: rest})
		}
		name, after, closed := strings.Cut(rest[start+len("$("):], ")")
		switch {
		case !closed || !isImageVariable(name):
			m = m.append(MessagePart{Text: rest[:start+len("$(")]})
			rest = rest[start+len("$("):]
		case strings.HasSuffix(rest[:start], "$"):
			m = m.append(MessagePart{Text: rest[:start-1] + "$(" + name + ")"})
			rest = after
		default:
			m = m.append(MessagePart{Text: rest[:start]}).append(MessagePart{Variable: name})
			rest = after
		}
	}
	return m
}

// append joins neighbouring text, and drops parts without any.
func (m Message) append(part MessagePart) Message {
	if part.Variable == "" {
		if part.Text == "" {
			return m
		}
		if last := len(m) - 1; last >= 0 && m[last].Variable == "" {
			m[last].Text += part.Text
			return m
		}
	}
	return append(m, part)
}

func (m Message) bytes() int {
	n := 0
	for _, part := range m {
		n += len(part.Text) + len(part.Variable)
	}
	return n
}

func (m Message) usesImage() (variable string, uses bool) {
	for _, part := range m {
		if part.Variable != "" {
			return part.Variable, true
		}
	}
	return "", false
}

// printable tells whether m has no control characters but line breaks and tabs.
func (m Message) printable() bool {
	for _, part := range m {
		if strings.ContainsFunc(part.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
			return false
		}
	}
	return true
}

func (m Message) blank() bool {
	_, uses := m.usesImage()
	return !uses && strings.TrimSpace(RenderMessage(m, ImageVariables{})) == ""
}

// defaultMessage of a commit that sets n images.
func defaultMessage(n int) Message {
	switch n {
	case 0:
		return Message{{Text: "Update values in git"}}
	case 1:
		return Message{{Text: "Update image in git to "}, {Variable: varImage}}
	}
	return Message{{Text: "Update images in git"}}
}
