//go:build unix && !linux

package process

import "syscall"

// Without a parent-death signal the guard alone ends the children.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
