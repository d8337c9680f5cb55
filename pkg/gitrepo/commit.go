package gitrepo

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// MaxCommitBytes bounds an encoded commit, so that it fits into a checkpoint.
const MaxCommitBytes = 8 << 10

// Person is an author or committer.
type Person struct {
	Name  string
	Email string
}

// Message is what a commit says.
type Message struct {
	Author    Person
	Committer Person
	// When is now, for author and committer; zero means the clock. Plan never goes behind the time
	// of the parent commit.
	When time.Time
	// Text is subject, body and trailers. It gets exactly one final newline.
	Text string
	// Signer signs the commit. Nil means that it is not signed.
	Signer Signer
}

// Commit is a commit that is planned or was pushed. Only Encoded has to be kept: [ParseCommit]
// gives the rest.
type Commit struct {
	// ID is the 40-digit object id.
	ID string
	// Encoded is the commit object as git stores it, without the object header.
	Encoded []byte
	// Parent and Tree are object ids.
	Parent string
	Tree   string
}

// ParseCommit is the commit with these bytes. It fails with [ErrMismatch] unless they are a commit
// with exactly one parent.
func ParseCommit(encoded []byte) (Commit, error) {
	h := readHeader(encoded)
	if h.tree.IsZero() || len(h.parents) != 1 {
		return Commit{}, fmt.Errorf("%w: not an encoded commit with one parent", ErrMismatch)
	}
	return Commit{
		ID:      plumbing.ComputeHash(plumbing.CommitObject, encoded).String(),
		Encoded: encoded,
		Parent:  h.parents[0].String(),
		Tree:    h.tree.String(),
	}, nil
}

// encodeCommit writes the object by hand: what goes into it must be the same on every run and in
// every version of go-git.
func encodeCommit(tree, parent plumbing.Hash, m Message, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\nparent %s\n", tree, parent)
	for _, p := range []struct {
		role string
		Person
	}{{"author", m.Author}, {"committer", m.Committer}} {
		if strings.TrimSpace(p.Name) == "" || strings.TrimSpace(p.Email) == "" ||
			strings.ContainsAny(p.Name+p.Email, "<>\n\x00") {
			return nil, fmt.Errorf("%w: %s needs a name and an e-mail address without <, > and line breaks", ErrMessage, p.role)
		}
		fmt.Fprintf(&b, "%s %s <%s> %d +0000\n", p.role, strings.TrimSpace(p.Name), strings.TrimSpace(p.Email), when.Unix())
	}
	text := strings.TrimSpace(m.Text)
	if text == "" || strings.Contains(text, "\x00") {
		return nil, fmt.Errorf("%w: the text is empty or has a NUL byte", ErrMessage)
	}
	headers := b.Len()
	fmt.Fprintf(&b, "\n%s\n", text)
	encoded := b.Bytes()
	if m.Signer != nil {
		signature, err := m.Signer.Sign(encoded)
		if err != nil {
			return nil, fmt.Errorf("sign the commit: %w", err)
		}
		encoded = slices.Insert(encoded, headers, signatureHeader(signature)...)
	}
	if len(encoded) > MaxCommitBytes {
		return nil, fmt.Errorf("commit of %d bytes: %w: the limit is %d; shorten the message", len(encoded), ErrTooLarge, MaxCommitBytes)
	}
	return encoded, nil
}
