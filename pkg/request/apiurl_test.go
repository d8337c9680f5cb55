package request

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokenMayGo(t *testing.T) {
	for name, tc := range map[string]struct {
		repository, api string
		want            bool
	}{
		"api. of the host":            {"https://github.com/a/b", "https://api.github.com", true},
		"in another case":             {"https://GitHub.com/a/b", "https://api.github.com", true},
		"the host itself":             {"https://git.corp/a/b", "https://git.corp/api/v3", true},
		"its port":                    {"http://git.corp:3000/a/b", "http://git.corp:3000/api/v1", true},
		"its port, spelled out":       {"https://git.corp/a/b", "https://git.corp:443/api/v1", true},
		"over ssh":                    {"ssh://git@git.corp:2222/a/b", "https://git.corp/api/v1", true},
		"over scp":                    {"git@github.com:a/b", "https://api.github.com", true},
		"another host":                {"https://github.com/a/b", "https://github.com.evil.example", false},
		"a host below":                {"https://github.com/a/b", "https://x.github.com", false},
		"the other way round":         {"https://api.github.com/a/b", "https://github.com", false},
		"another port":                {"https://git.corp/a/b", "https://git.corp:8443", false},
		"in the clear":                {"https://git.corp/a/b", "http://git.corp", false},
		"api. in the clear":           {"https://git.corp/a/b", "http://api.git.corp", false},
		"both in the clear, api.":     {"http://git.corp/a/b", "http://api.git.corp", true},
		"from the clear to encrypted": {"http://git.corp/a/b", "https://git.corp", false},
		"over scp, another host":      {"git@github.com:a/b", "https://git.corp", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tokenMayGo(tc.repository, tc.api); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAPIURL(t *testing.T) {
	const path = "has no usable path: write https://HOST/PATH, without '..' and '//'"
	for v, want := range map[string]ruling{
		"":                              {},
		"https://api.github.com":        {Value: "https://api.github.com"},
		"https://API.GitHub.com/":       {Value: "https://api.github.com"},
		"http://[2001:db8::1]:3000/api": {Value: "http://[2001:db8::1]:3000/api"},
		"https://h/api/v3/":             {Value: "https://h/api/v3"},
		"https://h//api":                {Problem: path},
		"https://h/a/../b":              {Problem: path},
		"https://h/a%2fb":               {Problem: path},
		"https://h/a b":                 {Problem: path},
		"https://h?x=1":                 {Problem: "holds a query or fragment: write https://HOST/PATH"},
		"https://h/#x":                  {Problem: "holds a query or fragment: write https://HOST/PATH"},
		"ssh://git@h/a":                 {Problem: "holds a user name or password: put them into a Secret, and take them out of the URL everywhere"},
		"ssh://h/a":                     {Problem: "is not an https URL: write https://HOST/PATH"},
		"h/api":                         {Problem: "is not an https URL: write https://HOST/PATH"},
		"https:///api":                  {Problem: "has no usable host: write https://HOST/PATH"},
		"https:h":                       {Problem: "is not a URL: write https://HOST or https://HOST/PATH"},
		"https://h/%zz":                 {Problem: "is not a URL: write https://HOST or https://HOST/PATH"},
		"https://$(x)":                  {Problem: "holds a variable that nothing has replaced"},
	} {
		t.Run(v, func(t *testing.T) {
			if diff := cmp.Diff(want, rule(v, checks.apiURL)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
