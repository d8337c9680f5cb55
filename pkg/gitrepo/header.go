package gitrepo

import (
	"bytes"
	"strconv"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// header is the part of a commit that matters here.
type header struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
	time    time.Time // of the committer
}

// readHeader leaves out what it cannot read: commits in the wild have odd headers, and none of
// them may stop a deployment.
func readHeader(encoded []byte) header {
	var h header
	for line := range bytes.Lines(encoded) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			break
		}
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch string(key) {
		case "tree":
			h.tree, _ = parseID(string(value))
		case "parent":
			if id, ok := parseID(string(value)); ok {
				h.parents = append(h.parents, id)
			}
		case "committer":
			if _, after, ok := bytes.Cut(value, []byte("> ")); ok {
				seconds, _, _ := bytes.Cut(after, []byte(" "))
				if n, err := strconv.ParseInt(string(seconds), 10, 64); err == nil {
					h.time = time.Unix(n, 0)
				}
			}
		}
	}
	return h
}

// parseID refuses what plumbing.NewHash would silently shorten.
func parseID(s string) (plumbing.Hash, bool) {
	if len(s) != 40 || !plumbing.IsHash(s) {
		return plumbing.ZeroHash, false
	}
	return plumbing.NewHash(s), true
}
