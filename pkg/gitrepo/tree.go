package gitrepo

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Kind is what an entry of a directory is.
type Kind string

// Kinds of entries.
const (
	File      Kind = "file"
	Directory Kind = "directory"
	Symlink   Kind = "symbolic link"
	Submodule Kind = "submodule"
)

// Entry is a name in a directory.
type Entry struct {
	Name string
	Kind Kind
}

// treeEntry is an entry as it is stored.
type treeEntry struct {
	Entry
	id plumbing.Hash
	at int // where the id begins in the tree's bytes
}

// readTree calls yield for each entry until it returns false. It reads the stored bytes itself, so
// that an edited tree keeps every other byte: old modes (100664) and odd orders included.
func readTree(data []byte, yield func(treeEntry) bool) error {
	for at := 0; at < len(data); {
		mode, rest, ok := bytes.Cut(data[at:], []byte(" "))
		if !ok {
			return fmt.Errorf("damaged tree object")
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(rest) < len(plumbing.ZeroHash) {
			return fmt.Errorf("damaged tree object")
		}
		at += len(mode) + len(name) + 2
		e := treeEntry{Entry: Entry{Name: string(name), Kind: kindOf(string(mode))}, at: at}
		at += copy(e.id[:], rest)
		if !yield(e) {
			return nil
		}
	}
	return nil
}

func kindOf(mode string) Kind {
	switch strings.TrimLeft(mode, "0") {
	case "40000":
		return Directory
	case "120000":
		return Symlink
	case "160000":
		return Submodule
	}
	return File
}

func findEntry(data []byte, name string) (treeEntry, bool, error) {
	var found treeEntry
	err := readTree(data, func(e treeEntry) bool {
		if e.Name == name {
			found = e
		}
		return e.Name != name
	})
	return found, found.Name == name && name != "", err
}

// splitPath refuses a path that could mean something outside of the repository, instead of cleaning
// it: a.yaml is surely not what the author of x/../../a.yaml had in mind. The root is no parts.
func splitPath(name string) ([]string, error) {
	if strings.HasPrefix(name, "/") {
		return nil, fmt.Errorf("%w: %q is absolute, write it relative to the root of the repository", ErrPath, name)
	}
	if strings.ContainsAny(name, "\x00\n") || len(name) > 4096 {
		return nil, fmt.Errorf("%w: %q", ErrPath, clean(name, maxWords))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return nil, fmt.Errorf("%w: %q has a .. in it", ErrPath, name)
		}
	}
	name = path.Clean(name)
	if name == "." {
		return nil, nil
	}
	return strings.Split(name, "/"), nil
}
