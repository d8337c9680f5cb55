package build

import (
	"context"
	"path/filepath"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

// giteaVersion must be what gitea/go.mod requires (a test compares).
const giteaVersion = "v1.26.0"

// EnsureGitea returns the cache below root of Gitea, a git host with pull
// requests, and of the files that it reads while it runs. It is a program of a
// module of its own, which gives Gitea a database that needs no C compiler.
func EnsureGitea(ctx context.Context, moduleDir, root string, p *progress.Printer) (Cache, error) {
	return ensure(ctx, giteaRecipe(moduleDir), nil, root, p)
}

func giteaRecipe(dir string) recipe {
	const module = "code.gitea.io/gitea"
	return recipe{
		dir: filepath.Join(dir, "gitea"), module: ModulePath + "/gitea", sources: []string{"main.go"},
		parts: []Part{{"gitea", "."}}, linker: "-s -w -X main.version=" + giteaVersion[1:],
		static: []folder{{"templates", module, "templates"}, {"options", module, "options"}, {"public", module, "public"}},
	}
}
