//go:build !failpoints

package failpoint

// Enabled tells whether this build can die on demand.
const Enabled = false

// Here does nothing in a release build.
func Here(Name) {}
