package gitrepo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines encodes packet lines; "" is a flush.
func lines(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s\n", len(text)+5, text)
	}
	return b.String()
}

func TestReadAdvertisement(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	zero, sha256 := strings.Repeat("0", 40), strings.Repeat("a", 64)
	cases := map[string]struct {
		in   string
		want string
		err  error // errAny for one that is none of ours
	}{
		"as git writes it":           {lines("# service=git-upload-pack", "", one+" HEAD\x00agent=x shallow", two+" refs/heads/main", ""), two, nil},
		"without the service's name": {lines(one+" refs/heads/main\x00shallow", ""), one, nil},
		"a longer name":              {lines(one+" refs/heads/a\x00shallow", two+" refs/heads/main2", ""), "", nil},
		"a tag of that name":         {lines(one+" refs/tags/main\x00shallow", ""), "", nil},
		"empty":                      {lines("# service=git-upload-pack", "", zero+" capabilities^{}\x00agent=x", ""), "", nil},
		"sha-256":                    {lines("# service=git-upload-pack", "", sha256+" refs/heads/main\x00object-format=sha256", ""), "", ErrNotGit},
		"an error":                   {lines("# service=git-upload-pack", "", "ERR access denied"), "", errAny},
		"an end too early":           {lines("# service=git-upload-pack", "", one+" refs/heads/main\x00shallow"), one, errAny},
		"a line that is none":        {lines("# service=git-upload-pack", "", "hello\x00world", ""), "", ErrNotGit},
		"a page":                     {"<html><body>Sign in</body></html>", "", ErrNotGit},
		"nothing":                    {"", "", errAny},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tip := ""
			_, err := readAdvertisement(strings.NewReader(c.in), uploadPack, func(id, name []byte) {
				if string(name) == "refs/heads/main" {
					tip = string(id)
				}
			})
			if diff := cmp.Diff(c.want, tip); diff != "" {
				t.Error(diff)
			}
			if errors.Is(c.err, errAny) && err != nil {
				return
			}
			wantError(t, err, c.err)
		})
	}
}

var errAny = errors.New("any error")
