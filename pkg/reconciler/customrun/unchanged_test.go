package customrun

import (
	"encoding/json"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// asStored gives a run the status as the API server returns it, with the keys of extraFields in alphabetical order.
func asStored(t *testing.T, cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	t.Helper()
	var value any
	if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &value); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	cr.Status.ExtraFields.Raw = raw
	return cr
}

func TestNothingIsWrittenWhenNothingHasChanged(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(resolvable()...))
	h.reconcile(testRun)
	h.waitForever(testRun)
	h.reconcile(testRun)
	h.store(asStored(t, h.get(testRun)))
	before := h.writes
	h.reconcile(testRun)
	if h.writes != before {
		t.Errorf("%d statuses were written, want none: the run waits as before", h.writes-before)
	}
}

func TestJSONIsComparedByValue(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		want       bool
	}{
		{"another order of keys", `{"a":1,"b":{"c":[1,2],"d":"x"}}`, `{"b":{"d":"x","c":[1,2]},"a":1}`, true},
		{"another order of a list", `{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{"another value", `{"a":1}`, `{"a":2}`, false},
		{"nothing stored yet", `{"a":1}`, ``, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := sameJSON([]byte(test.a), []byte(test.b)); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}
