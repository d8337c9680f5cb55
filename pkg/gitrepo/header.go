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
	author  string
	written time.Time // by the author
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
		case "author":
			h.author, h.written = readSignature(value)
		case "committer":
			_, h.time = readSignature(value)
		}
	}
	return h
}

// readSignature reads a name and a time: Somebody <somebody@example.com> 1700000000 +0100.
func readSignature(value []byte) (name string, when time.Time) {
	before, after, _ := bytes.Cut(value, []byte("> "))
	seconds, _, _ := bytes.Cut(after, []byte(" "))
	if n, err := strconv.ParseInt(string(seconds), 10, 64); err == nil {
		when = time.Unix(n, 0)
	}
	before, _, _ = bytes.Cut(before, []byte("<"))
	return string(before), when
}

// readEntry is a commit as a list shows it. Its subject is the first paragraph, as for git.
func readEntry(id plumbing.Hash, encoded []byte) LogEntry {
	h := readHeader(encoded)
	subject, _, _ := bytes.Cut(bytes.TrimSpace(messageOf(encoded)), []byte("\n\n"))
	return LogEntry{
		ID:      id.String(),
		Subject: clean(string(subject[:min(len(subject), 8*maxSubject)]), maxSubject),
		Author:  clean(h.author, maxAuthor),
		When:    h.written.UTC(),
	}
}

// parseID refuses what plumbing.NewHash would silently shorten.
func parseID(s string) (plumbing.Hash, bool) {
	if len(s) != 40 || !plumbing.IsHash(s) {
		return plumbing.ZeroHash, false
	}
	return plumbing.NewHash(s), true
}
