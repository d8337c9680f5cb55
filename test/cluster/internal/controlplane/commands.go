package controlplane

import (
	"os"
	"path/filepath"
)

// linkCommands puts the commands of all caches into one directory, which people
// and tests add to their PATH.
func (c *ControlPlane) linkCommands() error {
	for _, bin := range []string{c.Cache.BinDir(), c.Tkn.BinDir()} {
		commands, err := os.ReadDir(bin)
		if err != nil {
			return err
		}
		for _, command := range commands {
			if err := os.Symlink(filepath.Join(bin, command.Name()), filepath.Join(c.path("bin"), command.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
