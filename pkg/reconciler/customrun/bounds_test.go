package customrun

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// What a run keeps has to fit into its status and into the record.
func TestWhatIsKeptIsBounded(t *testing.T) {
	var live []v1alpha1.LiveImage
	for i := range 100 {
		live = append(live, v1alpha1.LiveImage{Workload: fmt.Sprint("Deployment/dev/server-", i), Container: "server", Image: "quay.io/team/server:1"})
	}
	if got := len(boundedLive(live)); got != maxLive {
		t.Errorf("%d are kept, want %d", got, maxLive)
	}
	for i := range live {
		live[i].Image = "quay.io/" + strings.Repeat("x", 1000)
	}
	if got := len(boundedLive(live)); got != 9 {
		t.Errorf("%d large ones are kept, want 9", got)
	}
	apps := make([]appState, 4)
	for i := range apps {
		apps[i].Unhealthy = slices.Repeat([]string{"Deployment/dev/" + strings.Repeat("x", 82)}, 20)
	}
	boundUnhealthy(apps)
	for _, a := range apps {
		if len(a.Unhealthy) != 10 {
			t.Errorf("%d names are kept, want 10 of 100 bytes", len(a.Unhealthy))
		}
	}
	apps = apps[:1]
	boundUnhealthy(apps)
	if len(apps[0].Unhealthy) != 10 {
		t.Errorf("%d names are kept of what fits", len(apps[0].Unhealthy))
	}
}
