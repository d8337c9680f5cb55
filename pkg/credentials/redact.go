package credentials

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// hidden stands in the place of a secret.
const hidden = "***"

// Redact returns the text with every one of the secrets replaced by "***", as they
// are and in the forms in which they travel: URL-escaped, quoted for JSON or Go, and
// base64, also in the middle of a longer base64 text, such as an Authorization
// header. Redact a text before it is cut: a secret cut in half is not recognised.
func Redact(text string, secrets ...string) string {
	var forms []string
	for _, secret := range secrets {
		if len(secret) > len(text) {
			continue // no form is shorter than the secret
		}
		for _, form := range spellings(secret) {
			// Few are there, and a replacer of all the forms of a key's lines would take milliseconds to build.
			if strings.Contains(text, form) {
				forms = append(forms, form)
			}
		}
	}
	if len(forms) == 0 {
		return text
	}
	// A replacer tries its patterns in order: the longest first, lest one secret that
	// begins another leave the other's end.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, hidden)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// shortSecret is the length under which only the secret itself is looked for: its
// encoded forms would be so short that they occur everywhere.
const shortSecret = 4

func spellings(secret string) []string {
	if secret == "" {
		return nil
	}
	if len(secret) < shortSecret {
		return []string{secret}
	}
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	user := strings.TrimPrefix(url.UserPassword("", secret).String(), ":")
	quoted := fmt.Sprintf("%q", secret)
	asJSON, _ := json.Marshal(secret) // a string always marshals
	forms := []string{
		secret, query, path, user, lowerHex(query), lowerHex(path), lowerHex(user),
		quoted[1 : len(quoted)-1], string(asJSON[1 : len(asJSON)-1]),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		forms = append(forms, enc.EncodeToString([]byte(secret)))
		for before := range 3 {
			forms = append(forms, insideBase64(enc, secret, before))
		}
	}
	return slices.DeleteFunc(forms, func(form string) bool { return len(form) < shortSecret })
}

// insideBase64 is the part of the encoding of a longer text that depends on the
// secret alone, when so many bytes (modulo 3) stand before the secret.
func insideBase64(enc *base64.Encoding, secret string, before int) string {
	text := enc.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	first := (before*8 + 5) / 6            // characters that hold bits of the bytes before
	last := (before + len(secret)) * 8 / 6 // characters that no byte after can change
	return text[min(first, last):last]
}

// lowerHex writes percent escapes as %2f instead of %2F, as some servers do.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

func basicHeader(username, password string) string {
	if password == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

func present(values ...string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

// String shows who logs in, and never with what.
func (a GitAuth) String() string {
	switch {
	case len(a.SSH.PrivateKey) > 0:
		return a.SSH.String()
	case a.App != nil:
		return a.App.String()
	case a.Anonymous():
		return "anonymous"
	case a.Password == tokenIsUsername:
		return "basic " + hidden
	}
	return "basic " + a.Username + ":" + hidden
}

// GoString is String, for %#v.
func (a GitAuth) GoString() string { return a.String() }

// Format is String, for every verb and flag.
func (a GitAuth) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String, for log/slog.
func (a GitAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encodings that ask for text.
func (a GitAuth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (a GitAuth) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// String shows whether there is a key.
func (s SSH) String() string {
	if len(s.PrivateKey) == 0 {
		return "no ssh key"
	}
	return "ssh key " + hidden
}

// GoString is String, for %#v.
func (s SSH) GoString() string { return s.String() }

// Format is String, for every verb and flag.
func (s SSH) Format(f fmt.State, _ rune) { write(f, s.String()) }

// LogValue is String, for log/slog.
func (s SSH) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for encodings that ask for text.
func (s SSH) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (s SSH) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// String shows whether there is a key.
func (k SigningKey) String() string {
	if len(k.Key) == 0 {
		return "no signing key"
	}
	return "signing key " + hidden
}

// GoString is String, for %#v.
func (k SigningKey) GoString() string { return k.String() }

// Format is String, for every verb and flag.
func (k SigningKey) Format(f fmt.State, _ rune) { write(f, k.String()) }

// LogValue is String, for log/slog.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String, for encodings that ask for text.
func (k SigningKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (k SigningKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// String shows what kind of login it is and for which server.
func (a ArgoCDAuth) String() string {
	text := "anonymous"
	switch {
	case a.Token != "":
		text = "token " + hidden
	case a.Username != "" || a.Password != "":
		text = "account " + a.Username + ":" + hidden
	}
	if a.Server != "" {
		text += " for " + a.Server
	}
	return text
}

// GoString is String, for %#v.
func (a ArgoCDAuth) GoString() string { return a.String() }

// Format is String, for every verb and flag.
func (a ArgoCDAuth) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String, for log/slog.
func (a ArgoCDAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encodings that ask for text.
func (a ArgoCDAuth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (a ArgoCDAuth) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// write ignores the error: a Formatter has no way to report one.
func write(f fmt.State, s string) { _, _ = io.WriteString(f, s) }
