package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// versions is what `version -o json` prints.
type versions struct {
	// Version of the plugin.
	Version string `json:"version"`
	// API is the version of the kinds that it knows.
	API string `json:"api"`
	// Go is the version of the compiler, Platform what it was built for.
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versions{
				Version: s.streams.Version, API: v1alpha1.APIVersion,
				Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			if done, err := s.print(cmd, v); done {
				return err
			}
			return writeTo(s.streams.Out, fmt.Sprintf("tkn-gitops %s (%s, %s, %s)\n", v.Version, v.API, v.Go, v.Platform))
		},
	}
	addOutputFlag(cmd)
	return cmd
}
