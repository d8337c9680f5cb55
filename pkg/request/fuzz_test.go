package request

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// FuzzTemplate holds what is true of every template: it is text and variables in their order, and nothing is lost.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "$(params.a)", "$$(params.a)", "$$$(params.a)", "$(params.a", "$()", "$($(params.a))", "a$", "$(params.a)$(params.b)", "$(params.a[*])", "$(params.a[0])x$$", "$(image) $$(image)", "é$(ü)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		parts, err := scan(template)
		if err != nil {
			if !errors.Is(err, errUnclosed) || !strings.Contains(template, "$(") {
				t.Fatalf("scan(%q): %v", template, err)
			}
			return
		}
		var again strings.Builder
		values := map[string]pipelinev1beta1.ParamValue{}
		for i, part := range parts {
			if part.Text != "" {
				if part.Variable != "" || i > 0 && parts[i-1].Text != "" {
					t.Fatalf("scan(%q) has %+v behind %+v", template, part, parts[:i])
				}
				again.WriteString(escape(part.Text))
				continue
			}
			if strings.Contains(part.Variable, ")") {
				t.Fatalf("scan(%q) has the variable %q", template, part.Variable)
			}
			again.WriteString("$(" + part.Variable + ")")
			if name, ok := strings.CutPrefix(part.Variable, "params."); ok {
				values[name] = stringValue("$(params.x)$$(")
			}
		}
		if diff := cmp.Diff(template, again.String()); diff != "" {
			t.Fatalf("put together again (-want +got):\n%s", diff)
		}
		got, err := scope{params: values}.render(template)
		if err != nil {
			return
		}
		want := ""
		for _, part := range parts {
			want += part.Text
			if part.Text == "" {
				want += "$(params.x)$$("
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("render(%q) (-want +got):\n%s", template, diff)
		}
	})
}

// FuzzEmbeddedSpec: no spec makes Resolve panic or blame anybody but its author, and what it makes can be stored.
func FuzzEmbeddedSpec(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `{"git":null}`, `{"params":[{"name":"a","default":{"k":"v"}}]}`,
		`{"argocd":{"secretRef":{"name":"s"},"applications":[{"name":"$(params.a)"}]},"params":[{"name":"a","default":"x"}]}`,
		`{"git":{"url":"git@h:a","message":"$(image)"},"images":[{"name":"a","newTag":"1"}],"update":[{"helm":{"file":"a","tag":"b[0].\"c.d\""}}]}`,
		`{"git":{"url":"https://h/a"},"update":[{"yaml":{"file":"a","path":"b","value":"$$"}}]}`,
		`{"argocd":{"secretRef":{"name":"s"},"selector":{"matchLabels":{"a":"b"}}},"restart":"true"}`,
		`{"git":{"url":"https://h/a"},"images":[{"name":"a","newTag":"1"}],"update":[{"kustomize":{"path":"a"}}],"pullRequest":{"body":"$(image)","labels":["a"],"apiURL":"https://api.h/x/"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		in := Input{Namespace: "team-a", Name: "r", UID: "u", Embedded: true, EmbeddedSpec: []byte(spec)}
		if strings.Contains(spec, "pullRequest") {
			in.Kind = v1alpha1.KindGitOpsPR
		}
		r, err := Resolve(t.Context(), in, stored{}, Defaults{})
		if err != nil {
			if !errors.Is(err, ErrInvalidSpec) && !errors.Is(err, ErrInvalidParameters) {
				t.Fatalf("%q: %v", spec, err)
			}
			return
		}
		data, err := json.Marshal(r)
		if err != nil || len(data) > MaxBytes {
			t.Fatalf("%q: %d bytes, %v", spec, len(data), err)
		}
		var back Request
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q, through JSON (-want +got):\n%s", spec, diff)
		}
		if (r.Git == nil) != (len(r.Updates) == 0) || r.Lock.Name == "" && r.PullRequest == nil || r.ArgoCD == nil && r.Git == nil {
			t.Fatalf("%q makes the incomplete %s", spec, data)
		}
		if pr := r.PullRequest; (pr != nil) != (in.Kind == v1alpha1.KindGitOpsPR) ||
			pr != nil && (r.Git == nil || pr.Title.blank() || pr.Branch == r.Git.Branch || !isReference(pr.Branch) || (r.ArgoCD != nil) != (pr.Wait == WaitDeployed)) {
			t.Fatalf("%q makes the incomplete %s", spec, data)
		}
	})
}
