package manifest

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

var (
	// plainGrammar is narrower than YAML's: what is outside of it is quoted.
	plainGrammar = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_./-]*(?:[:@][a-zA-Z0-9_./-]+)*$`)

	// typedGrammar is every text that some parser of YAML 1.1 or 1.2 takes for
	// something else than a string: booleans and null, numbers with
	// underscores, with a radix or in base 60, dates.
	// Sources: yaml.org/type, YAML 1.2.2 chapter 10, and what PyYAML,
	// go-yaml and SnakeYAML make of them.
	typedGrammar = regexp.MustCompile(`(?i)^(?:` +
		`y|n|yes|no|on|off|true|false|null|nan|inf` +
		`|[0-9][0-9_]*\.?[0-9_]*(?:e[-+]?[0-9_]*)?` +
		`|0[xob][-+]?[0-9a-f_]*` +
		`|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?` +
		`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t ].*)?` +
		`)$`)
)

// staysString reports whether every parser reads the text, written without
// quotes, as this string.
func staysString(text string) bool {
	return plainGrammar.MatchString(text) && !typedGrammar.MatchString(text)
}

// scalar writes text in the given style, or in double quotes where that style
// cannot hold it.
func scalar(text string, style yaml.Style) string {
	printable := !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case style&yaml.SingleQuotedStyle != 0 && printable:
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case style&^yaml.TaggedStyle != 0 && style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 || !staysString(text):
		// Go's escapes are a part of YAML's.
		return strconv.Quote(text)
	default:
		return text
	}
}

// isString reports whether every parser reads the node as this string.
func isString(n *yaml.Node, text string) bool {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value != text {
		return false
	}
	return n.Style != 0 || staysString(text) || isPlainText(text)
}

// isPlainText reports whether text that stands without quotes somewhere, though
// this package would write some, is a string to every parser all the same.
func isPlainText(text string) bool {
	return text != "=" && text != "<<" && !typedGrammar.MatchString(strings.TrimLeft(text, "+-."))
}

func isPlain(n *yaml.Node) bool { return n.Style&^yaml.TaggedStyle == 0 }

// resolve follows an alias to the node that carries the anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
