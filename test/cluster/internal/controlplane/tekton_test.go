package controlplane

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
)

func TestSetWebhookPort(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{
			"every webhook of a configuration",
			`{kind: ValidatingWebhookConfiguration, webhooks: [{name: a, clientConfig: {service: {name: s}}}, {name: b, clientConfig: {service: {name: s}}}]}`,
			`{kind: ValidatingWebhookConfiguration, webhooks: [{name: a, clientConfig: {service: {name: s, port: 20001}}}, {name: b, clientConfig: {service: {name: s, port: 20001}}}]}`,
		},
		{
			"the conversion of a kind",
			`{kind: CustomResourceDefinition, spec: {conversion: {webhook: {clientConfig: {service: {name: s}}}}}}`,
			`{kind: CustomResourceDefinition, spec: {conversion: {webhook: {clientConfig: {service: {name: s, port: 20001}}}}}}`,
		},
		{
			"not a kind without conversion",
			`{kind: CustomResourceDefinition, spec: {group: g}}`,
			`{kind: CustomResourceDefinition, spec: {group: g}}`,
		},
		{
			"nothing else",
			`{kind: ConfigMap, data: {a: b}}`,
			`{kind: ConfigMap, data: {a: b}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := parseOne(t, test.in)
			if err := setWebhookPort(got, 20001); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parseOne(t, test.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func parseOne(t *testing.T, text string) *apply.Object {
	t.Helper()
	objects, err := apply.Parse([]byte(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	return objects[0]
}
