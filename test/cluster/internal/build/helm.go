package build

import (
	"context"
	"path/filepath"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

// EnsureHelm returns the cache below root of the helm command, which Argo CD's
// repo-server calls for charts. It has a module of its own, because its
// dependencies differ from those of the control plane.
func EnsureHelm(ctx context.Context, moduleDir, root string, p *progress.Printer) (Cache, error) {
	return ensure(ctx, helmRecipe(moduleDir), nil, root, p)
}

func helmRecipe(dir string) recipe {
	return recipe{
		dir: filepath.Join(dir, "helm"), module: ModulePath + "/helm",
		parts: []Part{{"helm", "helm.sh/helm/v3/cmd/helm"}}, linker: "-s -w",
	}
}
