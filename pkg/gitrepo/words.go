package gitrepo

import (
	"encoding/base64"
	"strings"
	"unicode"
)

// maxWords bounds what is quoted from a server.
const maxWords = 1024

// words makes a server's text fit for an error: one line, bounded, and without these credentials,
// should the server repeat them.
func (a Auth) words(text string) string {
	if secret := a.Password; secret != "" {
		basic := base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + secret))
		text = strings.NewReplacer(basic, "[redacted]", secret, "[redacted]").Replace(text)
	}
	return clean(text, maxWords)
}

// clean removes control and other invisible characters, turns every run of blanks and line breaks
// into one space, and cuts the rest at limit bytes.
func clean(text string, limit int) string {
	text = strings.ToValidUTF8(text, "")
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// fault is an error whose text is fit to be shown; what it wraps may not be.
type fault struct {
	text string
	err  error
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.err }

// fail is how errors leave this package, so that no text gets out unchecked.
func (r *Repository) fail(doing string, err error) error {
	return &fault{text: r.auth.words(doing + ": " + err.Error()), err: err}
}
