package build

import (
	"context"
	"path/filepath"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

// tknVersion must be what tkn/go.mod requires (a test compares).
const tknVersion = "v0.41.0"

// EnsureTkn returns the cache below root of Tekton's command-line client. It has
// a module of its own, because its dependencies differ from those of the control
// plane.
func EnsureTkn(ctx context.Context, moduleDir, root string, p *progress.Printer) (Cache, error) {
	return ensure(ctx, tknRecipe(moduleDir), nil, root, p)
}

func tknRecipe(dir string) recipe {
	const module = "github.com/tektoncd/cli"
	return recipe{
		dir: filepath.Join(dir, "tkn"), module: ModulePath + "/tkn",
		parts:  []Part{{"tkn", module + "/cmd/tkn"}},
		linker: "-s -w -X " + module + "/pkg/cmd/version.clientVersion=" + tknVersion[1:],
	}
}
