package argocd

import (
	"strings"
	"testing"
)

func TestPreflight(t *testing.T) {
	target := func(v string) func(*Observation) {
		return func(o *Observation) { o.Sources[0].TargetRevision = v }
	}
	for _, tt := range []struct {
		name string
		o    Observation
		want error
		says string
	}{
		{name: "fine", o: seen(synced, commitO)},
		{name: "follows HEAD, which may be our branch", o: seen(synced, commitO, target("HEAD"))},
		{name: "follows nothing said, which is HEAD", o: seen(synced, commitO, target(""))},
		{name: "follows the full ref", o: seen(synced, commitO, target("refs/heads/main"))},
		{name: "a comparison error from before is no failure", o: seen("Unknown", "", condition(ConditionComparisonError, "x"), health("Degraded", ""))},
		{name: "being deleted", o: seen(synced, commitO, func(o *Observation) { o.Deleting = true }), want: ErrDeleting, says: "application argocd/shop: application is being deleted"},
		{name: "skip-reconcile", o: seen(synced, commitO, func(o *Observation) { o.SkipReconcile = true }), want: ErrSkipReconcile, says: "remove its annotation argocd.argoproj.io/skip-reconcile"},
		{name: "another repository", o: seen(synced, commitO, func(o *Observation) {
			o.Sources = []Source{{RepoURL: "https://git.example.com/other"}, {RepoURL: "https://charts.example.com", Chart: "redis"}}
		}), want: ErrMismatch, says: "no source of it is https://git.example.com/shop.git; it has https://git.example.com/other, https://charts.example.com (chart redis)"},
		{name: "no source", o: seen(synced, commitO, func(o *Observation) { o.Sources = nil }), want: ErrMismatch, says: "it has none"},
		{name: "our repository as a chart repository", o: seen(synced, commitO, func(o *Observation) { o.Sources[0].Chart = "c" }), want: ErrMismatch},
		{name: "a tag", o: seen(synced, commitO, target("refs/tags/v1")), want: ErrMismatch, says: "follows the tag v1, not branch main: set targetRevision to main"},
		{name: "a fixed commit", o: seen(synced, commitO, target(commitO)), want: ErrMismatch, says: "the fixed commit " + commitO},
		{name: "another branch", o: seen(synced, commitO, target("prod")), want: ErrMismatch, says: "the branch or tag prod"},
		{name: "hydrated: our branch is the dry source", o: hydratedApp(synced, commitO)},
		{name: "hydrated: our branch is what the hydrator writes", o: hydratedApp(synced, commitO, func(h *Hydration) { h.Dry.TargetRevision = "dev" }), want: ErrMismatch, says: "its dry source https://git.example.com/shop.git follows the branch or tag dev, not branch main"},
		{name: "hydrated: from another repository", o: hydratedApp(synced, commitO, func(h *Hydration) { h.Dry.RepoURL = "https://git.example.com/other" }), want: ErrMismatch, says: "no dry source of it is https://git.example.com/shop.git; it has https://git.example.com/other"},
		{name: "a range of tags", o: seen(synced, commitO, target("1.*")), want: ErrMismatch, says: "the branch or tag 1.*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sameErr(t, Preflight(tt.o, goal()), tt.want, tt.says)
		})
	}
}

func TestTrackedSource(t *testing.T) {
	fold := func(a, b string) bool {
		return strings.EqualFold(strings.TrimSuffix(a, ".git"), strings.TrimSuffix(b, ".git"))
	}
	for _, tt := range []struct {
		name    string
		sources []Source
		want    int
		paths   []string // instead of overlays/dev
	}{
		{name: "the same path wins", sources: []Source{{RepoURL: shop, Path: "overlays"}, {RepoURL: shop, Path: "/overlays/dev/"}, {RepoURL: shop}}, want: 1},
		{name: "then one around it", sources: []Source{{RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "overlays"}}, want: 1},
		{name: "then any", sources: []Source{{RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "other"}}, want: 0},
		{name: "a path is no prefix by letters", sources: []Source{{RepoURL: shop, Path: "other"}, {RepoURL: shop, Path: "overlays/development"}}, want: 0},
		{name: "one that follows the branch wins", sources: []Source{{RepoURL: shop, Path: "overlays/dev", TargetRevision: "v1"}, {RepoURL: shop, Ref: "values", TargetRevision: "main"}}, want: 1},
		{name: "URLs are compared by the given function", sources: []Source{{RepoURL: "x"}, {RepoURL: "HTTPS://git.example.com/shop"}}, want: 1},
		{name: "the longest path around it wins", sources: []Source{{RepoURL: shop, Path: "."}, {RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "charts/app"}}, want: 2, paths: []string{"charts/app/values.yaml"}},
		{name: "the root is around every path", sources: []Source{{RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "."}}, want: 1},
		{name: "files of a ref are around every path", sources: []Source{{RepoURL: shop, Path: "other"}, {RepoURL: "https://charts.example.com", Chart: "redis"}, {RepoURL: shop, Ref: "values"}}, want: 2, paths: []string{"env/dev/values.yaml"}},
		{name: "any of several paths", sources: []Source{{RepoURL: shop, Path: "a"}, {RepoURL: shop, Path: "b"}}, want: 1, paths: []string{"c", "b/values.yaml"}},
		{name: "one below the edited directory", sources: []Source{{RepoURL: shop, Path: "a"}, {RepoURL: shop, Path: "b/c"}}, want: 1, paths: []string{"./b/"}},
		{name: "the root is edited", sources: []Source{{RepoURL: shop, Ref: "values"}, {RepoURL: shop, Path: "."}}, want: 1, paths: []string{"."}},
		{name: "no path is known", sources: []Source{{RepoURL: shop, Path: "a"}, {RepoURL: shop, Path: "b"}}, want: 0, paths: []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := goal(func(g *Goal) { g.SameRepository = fold })
			if tt.paths != nil {
				g.Paths = tt.paths
			}
			got, err := trackedSource(Observation{Sources: tt.sources}, g)
			if got != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}
