package request

import (
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	maxDuration  = 168 * time.Hour
	maxPathBytes = 1024
	maxLineBytes = 256
)

// checks holds the grammar of every kind of field. They repeat the rules of the CRD's schema (scalars.go of the API
// package) for values after substitution. Each reports to problems and returns the value to use.
type checks struct{ *problems }

// plain refuses a value that still holds a variable: Tekton leaves one in place when it does not know it, and no field
// but a message may hold one.
func (c checks) plain(field, v string) bool {
	if strings.Contains(v, "$(") {
		c.add(field, "holds a variable that nothing has replaced: %q", clip(v))
		return false
	}
	return true
}

func (c checks) required(field, v string) bool {
	if v == "" {
		c.add(field, "missing")
	}
	return v != ""
}

func (c checks) boolean(field, v string) bool {
	switch v {
	case "", "false":
	case "true":
		return true
	default:
		c.add(field, "is %q: write true or false", clip(v))
	}
	return false
}

// choice tells whether v is the second of two words; empty is the first.
func (c checks) choice(field, v, first, second string) bool {
	switch v {
	case "", first:
	case second:
		return true
	default:
		c.add(field, "is %q: write %s or %s", clip(v), first, second)
	}
	return false
}

// durationForm leaves out what time.ParseDuration takes and the schema does not: signs, bare fractions, microseconds.
var durationForm = regexp.MustCompile(`^(0|([0-9]{1,9}([.][0-9]{1,9})?(ms|s|m|h)){1,4})$`)

func (c checks) duration(field, v string, unset, least time.Duration) metav1.Duration {
	if v == "" {
		return metav1.Duration{Duration: unset}
	}
	d, err := time.ParseDuration(v)
	switch {
	case err != nil || d >= 0 && !durationForm.MatchString(v):
		c.add(field, "is %q: write a duration such as 90s, 10m or 1h30m", clip(v))
	case d < least || d > maxDuration:
		c.add(field, "is %s: at least %s and at most %s", d, least, maxDuration)
	}
	return metav1.Duration{Duration: d}
}

// object checks the name of a Kubernetes object.
func (c checks) object(field, v string) string {
	if v != "" && c.plain(field, v) && len(validation.IsDNS1123Subdomain(v)) > 0 {
		c.add(field, "is %q: write the name of an object: lower case letters, digits, '-' and '.'", clip(v))
	}
	return v
}

// secret checks the name of a Secret, which is always one of the run's namespace.
func (c checks) secret(field, v string) string {
	if strings.Contains(v, "/") {
		c.add(field, "is %q: name a Secret of the run's own namespace; no other can be used", clip(v))
		return v
	}
	return c.object(field, v)
}

// label checks the name of a namespace or a container.
func (c checks) label(field, v string) string {
	if v != "" && c.plain(field, v) && len(validation.IsDNS1123Label(v)) > 0 {
		c.add(field, "is %q: write a name of lower case letters, digits and '-', at most 63 characters", clip(v))
	}
	return v
}

// directory checks a path inside the repository, of a directory or a file, and returns it clean.
func (c checks) directory(field, v string) string {
	if !c.required(field, v) || !c.plain(field, v) {
		return v
	}
	clean := path.Clean(strings.TrimSuffix(strings.TrimPrefix(v, "./"), "/"))
	bad := len(v) > maxPathBytes || strings.HasPrefix(v, "/") || strings.Contains(v, "//") ||
		strings.ContainsFunc(v, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
	for _, part := range strings.Split(v, "/") {
		bad = bad || part == ".." || strings.EqualFold(part, ".git")
	}
	if bad {
		c.add(field, "is %q: write a path below the root of the repository, such as overlays/dev, without '..'", clip(v))
	}
	return clean
}

// file checks the path of a file inside the repository, and returns it clean.
func (c checks) file(field, v string) string {
	if strings.HasSuffix(v, "/") || v == "." {
		c.add(field, "is %q: write the path of a file, not of a directory", clip(v))
		return v
	}
	return c.directory(field, v)
}

// line checks one part of an identity in git, which git itself would otherwise cut off or misread.
func (c checks) line(field, v, unset string) string {
	v = strings.TrimSpace(v)
	if v == "" {
		return unset
	}
	if c.plain(field, v) && (len(v) > maxLineBytes || strings.ContainsFunc(v, func(r rune) bool { return r == '<' || r == '>' || unicode.IsControl(r) })) {
		c.add(field, "is %q: write one line of at most %d bytes, without '<' and '>'", clip(v), maxLineBytes)
	}
	return v
}

var syncOption = regexp.MustCompile(`^[A-Za-z]+=[A-Za-z0-9]+$`)

func (c checks) syncOption(field, v string) string {
	if c.plain(field, v) && !syncOption.MatchString(v) {
		c.add(field, "is %q: write an option as Name=value", clip(v))
	}
	return v
}

// valuePath has the grammar of manifest.ParsePath.
var valuePath = regexp.MustCompile(`^([^][."$(){}\s[:cntrl:]]+|"[^"[:cntrl:]]+"|\[[0-9]{1,4}\])(\[[0-9]{1,4}\]|\.([^][."$(){}\s[:cntrl:]]+|"[^"[:cntrl:]]+"))*$`)

// valuePath checks a path to a scalar in a YAML file.
func (c checks) valuePath(field, v string) string {
	if v != "" && c.plain(field, v) && (len(v) > maxLineBytes || !valuePath.MatchString(v)) {
		c.add(field, "is %q: write a path such as image.tag, servers[0].image or \"app.io/server\".tag", clip(v))
	}
	return v
}

// value checks the value of a scalar: one line.
func (c checks) value(field, v string) string {
	if c.plain(field, v) && (len(v) > maxValueBytes || strings.ContainsFunc(v, unicode.IsControl)) {
		c.add(field, "is %q: write one line of at most %d bytes", clip(v), maxValueBytes)
	}
	return v
}

// labelPair checks one label of a selector.
func (c checks) labelPair(field, key, v string) string {
	if len(validation.IsQualifiedName(key)) > 0 {
		c.add(field, "has the key %q: write the name of a label", clip(key))
	}
	if c.plain(field, v) && len(validation.IsValidLabelValue(v)) > 0 {
		c.add(field, "has the value %q: write the value of a label: at most 63 letters, digits, '-', '_' and '.'", clip(v))
	}
	return v
}
