package gitrepo

import "errors"

// Errors that the caller can tell apart with errors.Is. Any other error of a method that talks to
// the server is transient: the network, a timeout, a server that answers 5xx.
var (
	// ErrURL: the URL or the branch name cannot be used as it is written.
	ErrURL = errors.New("invalid repository address")
	// ErrNotFound: no repository there, or the credentials may not see it.
	ErrNotFound = errors.New("repository not found")
	// ErrRedirect: the repository has moved to an address that is not followed with credentials.
	ErrRedirect = errors.New("repository has moved")
	// ErrNotGit: something answers there that is not a git server.
	ErrNotGit = errors.New("not a git repository")
	// ErrUnauthorized: the credentials are missing, wrong or expired.
	ErrUnauthorized = errors.New("credentials were not accepted")
	// ErrForbidden: the credentials are known but do not permit this.
	ErrForbidden = errors.New("credentials do not permit this")
	// ErrCertificate: the server's certificate, or the CA bundle to check it with, is not acceptable.
	ErrCertificate = errors.New("certificate not accepted")
	// ErrHostKey: the ssh server's host key is unknown, has changed or is revoked, or the known hosts to
	// check it with cannot be read. The text says which key the server has and what to do.
	ErrHostKey = errors.New("host key not accepted")
	// ErrKey: a private key, for ssh or for signing, cannot be used: it cannot be read, its passphrase
	// is missing or wrong, it has expired or was revoked, or it cannot sign.
	ErrKey = errors.New("private key not usable")
	// ErrEmpty: the repository has no commit yet.
	ErrEmpty = errors.New("repository is empty")
	// ErrBranchNotFound: the repository has no such branch.
	ErrBranchNotFound = errors.New("branch not found")
	// ErrRevisionNotFound: a revision is no branch, tag or commit, or not one of the commits that are looked
	// at, or its abbreviation means several. The text says which revision.
	ErrRevisionNotFound = errors.New("revision not found")
	// ErrPath: the path is not one that may be read or changed: it leaves the repository, or crosses
	// a symbolic link or a submodule, or is a directory.
	ErrPath = errors.New("path refused")
	// ErrFileNotFound: the commit has no such file or directory.
	ErrFileNotFound = errors.New("file not found")
	// ErrTooLarge: a file, a commit, an answer or the whole snapshot is beyond its limit.
	ErrTooLarge = errors.New("too large")
	// ErrMessage: author, committer or text cannot be put into a commit.
	ErrMessage = errors.New("invalid commit message")
	// ErrNoChange: the files already have the wanted content.
	ErrNoChange = errors.New("no change")
	// ErrMismatch: a planned commit does not belong to these files and this snapshot.
	ErrMismatch = errors.New("commit does not match")
	// ErrMoved: the branch is no longer where it was. Read the tip again.
	ErrMoved = errors.New("branch has moved")
	// ErrRejected: the server refused the push; the text has the server's words.
	ErrRejected = errors.New("push rejected")
)
