//go:build failpoints

package failpoint

import (
	"os"
	"strings"
	"syscall"
)

// Enabled tells whether this build can die on demand.
const Enabled = true

// FileVariable names the environment variable that holds the path of the arming file. The file's content is the name
// of the armed place. It is removed as the process dies, so that the restarted process passes.
const FileVariable = "GITOPS_FAILPOINT_FILE"

// Here kills the process with SIGKILL when name is the armed place.
func Here(name Name) {
	file := os.Getenv(FileVariable)
	if file == "" {
		return
	}
	armed, err := os.ReadFile(file)
	if err != nil || strings.TrimSpace(string(armed)) != string(name) {
		return
	}
	if err := os.Remove(file); err != nil {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
