package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Helm merges an edited file over a chart's own values, here those from before
// the edit, and each wanted field comes out as the file has it.
func TestCorpusMergesAsHelmDoes(t *testing.T) {
	for _, c := range editedFiles(t, "helm") {
		t.Run(c.Name, func(t *testing.T) {
			defaults, err := chartutil.ReadValues(c.in)
			if err != nil {
				t.Fatal(err)
			}
			edited, err := chartutil.ReadValues(c.want)
			if err != nil {
				t.Fatal(err)
			}
			own := &chart.Chart{Metadata: &chart.Metadata{Name: "corpus"}, Values: defaults}
			merged, err := chartutil.CoalesceValues(own, edited)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(helmImage(t, c.Fields, edited), helmImage(t, c.Fields, merged)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
