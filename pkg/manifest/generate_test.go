package manifest

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// file is a random kustomization, and what the generator knows about it.
type file struct {
	text    string
	entries []drawn // in their order
}

// drawn is an entry, and the bytes that it fills with its line breaks.
type drawn struct {
	name, newName, newTag, digest string
	from, to                      int
}

var poolNames = []string{"quay.io/gnunn/server", "quay.io/gnunn/client", "nginx", "redis", "reg:5000/db", "SERVER_IMAGE"}

func drawWant(t *rapid.T) image.Want {
	w := image.Want{
		Name:    rapid.SampledFrom(poolNames).Draw(t, "wanted"),
		NewName: rapid.SampledFrom([]string{"", "", "ghcr.io/acme/app", "localhost:5000/app"}).Draw(t, "wanted newName"),
		NewTag:  rapid.OneOf(rapid.Just(""), drawTag()).Draw(t, "wanted tag"),
		Digest:  rapid.OneOf(rapid.Just(""), drawDigest()).Draw(t, "wanted digest"),
	}
	if w.NewTag == "" && w.Digest == "" {
		w.NewTag = "v1"
	}
	return w
}

func drawTag() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[0-9]\.[0-9]{1,2}\.[0-9]`),
		rapid.StringMatching(`[0-9a-f]{7}`),
		rapid.StringMatching(`[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,12}`),
		rapid.SampledFrom([]string{"1.10", "0123", "1e3", "true", "null", "2026-11-22", "0x1f", "yes", "No", "1_000", "0b1", "0o17", "latest"}),
	)
}

func drawDigest() *rapid.Generator[string] { return rapid.StringMatching(`sha256:[0-9a-f]{64}`) }

// writer writes a kustomization in one random style.
type writer struct {
	*rapid.T
	b        strings.Builder
	eol      string
	comments int
}

func (w *writer) chance(what string, percent int) bool {
	return rapid.IntRange(0, 99).Draw(w.T, what) < percent
}

// comment is sometimes a comment, each with a number of its own.
func (w *writer) comment() string {
	if !w.chance("comment", 30) {
		return ""
	}
	w.comments++
	return fmt.Sprintf("# <%d>\tünd: {so} 🚢", w.comments)
}

func (w *writer) line(indent int, text string) {
	w.b.WriteString(strings.Repeat(" ", indent) + text)
	if c := w.comment(); c != "" {
		w.b.WriteString(" " + c)
	}
	w.b.WriteString(w.eol)
}

// between writes what may stand between two lines.
func (w *writer) between(indent int) {
	if c := w.comment(); c != "" {
		w.b.WriteString(strings.Repeat(" ", indent) + c + w.eol)
	}
	if w.chance("blank line", 10) {
		w.b.WriteString(w.eol)
	}
}

// value writes a scalar in a random style. Block scalars bring lines of their
// own.
func (w *writer) value(text string, indent int, flow bool) string {
	style := rapid.IntRange(0, 7).Draw(w.T, "style")
	switch {
	case style < 4 && staysString(text):
		return text
	case style == 4:
		return "'" + text + "'"
	case style == 5 && !flow:
		return ">-" + w.eol + strings.Repeat(" ", indent+2) + text
	case style == 6 && !flow:
		return "|-" + w.eol + strings.Repeat(" ", indent+3) + text
	case style == 7:
		return `!!str "` + text + `"`
	default:
		return `"` + text + `"`
	}
}

func drawFile(t *rapid.T) file {
	w := &writer{T: t, eol: rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, "eol")}
	var f file
	if w.chance("byte order mark", 10) {
		w.b.WriteString(byteOrderMark)
	}
	if w.chance("header", 20) {
		w.b.WriteString("---" + w.eol)
	}
	indent := rapid.SampledFrom([]int{0, 2, 4}).Draw(t, "indent")
	w.between(0)
	w.line(0, "resources:")
	w.line(indent, "- ../base")
	if w.chance("images", 80) {
		w.images(&f, indent)
	}
	if w.chance("patch", 40) {
		w.patch(indent)
	}
	f.text = w.b.String()
	if w.chance("no final line break", 20) {
		f.text = strings.TrimRight(f.text, "\r\n")
	} else if w.chance("second document", 20) {
		f.text += "---" + w.eol + "images: [{name: nginx, newTag: other}]" + w.eol
	}
	return f
}

func (w *writer) patch(indent int) {
	w.between(0)
	w.line(0, "patches:")
	w.line(indent, "- target: {kind: Deployment, name: server}")
	block := rapid.SampledFrom([]string{"|", "|-", ">-", "|+"}).Draw(w.T, "block")
	w.b.WriteString(strings.Repeat(" ", indent) + "  patch: " + block + w.eol)
	w.b.WriteString(strings.Repeat(" ", indent) + `    [{"op": "add", "path": "/metadata/labels", "value": {"a": "images: []"}}]` + w.eol)
}

func (w *writer) images(f *file, indent int) {
	names := rapid.Permutation(poolNames).Draw(w.T, "names")[:rapid.IntRange(0, 4).Draw(w.T, "entries")]
	w.between(0)
	if len(names) == 0 {
		w.line(0, "images:"+rapid.SampledFrom([]string{"", " []", " ~", " null", " [ ]"}).Draw(w.T, "nothing"))
		return
	}
	form := rapid.SampledFrom([]string{"block", "block", "block", "flow entries", "flow list"}).Draw(w.T, "form")
	if form == "flow list" {
		w.b.WriteString("images: [")
	} else {
		w.line(0, "images:")
	}
	for i, name := range names {
		d := w.draw(name)
		if form != "flow list" {
			w.between(indent)
		}
		d.from = w.b.Len()
		switch form {
		case "block":
			w.block(&d, indent)
		case "flow entries":
			w.line(indent, "- "+w.flow(&d))
		default:
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.b.WriteString(w.flow(&d))
		}
		d.to = w.b.Len()
		f.entries = append(f.entries, d)
	}
	if form == "flow list" {
		w.line(0, "]")
	}
}

func (w *writer) draw(name string) drawn {
	d := drawn{name: name}
	if w.chance("newName", 40) {
		d.newName = "mirror.example.com/app"
	}
	if w.chance("newTag", 60) {
		d.newTag = drawTag().Draw(w.T, "tag")
	}
	if w.chance("digest", 30) {
		d.digest = drawDigest().Draw(w.T, "digest")
	}
	return d
}

// fields are the entry's fields in random order.
func (w *writer) fields(d *drawn) [][2]string {
	var all [][2]string
	for _, f := range [][2]string{{"name", d.name}, {"newName", d.newName}, {"newTag", d.newTag}, {"digest", d.digest}} {
		if f[1] != "" {
			all = append(all, f)
		}
	}
	return rapid.Permutation(all).Draw(w.T, "order")
}

func (w *writer) block(d *drawn, indent int) {
	gap := rapid.SampledFrom([]string{" ", " ", "   "}).Draw(w.T, "gap")
	prefix := strings.Repeat(" ", indent) + "-" + gap
	for i, f := range w.fields(d) {
		if i > 0 {
			w.between(len(prefix))
		}
		w.b.WriteString(prefix)
		prefix = strings.Repeat(" ", len(prefix))
		value := w.value(f[1], len(prefix), false)
		if strings.ContainsAny(value, "|>") {
			w.b.WriteString(f[0] + ": " + value + w.eol)
		} else {
			w.line(0, f[0]+": "+value)
		}
	}
}

func (w *writer) flow(d *drawn) string {
	var all []string
	for _, f := range w.fields(d) {
		all = append(all, f[0]+": "+w.value(f[1], 0, true))
	}
	return "{" + strings.Join(all, rapid.SampledFrom([]string{", ", ",", " , "}).Draw(w.T, "comma")) + "}"
}
