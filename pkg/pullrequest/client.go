package pullrequest

import (
	"context"
	"net"
	"time"

	"k8s.io/utils/clock"
)

// Client is one repository's pull requests.
type Client interface {
	Reader
	Writer
	Poller
}

// Reader looks at pull requests.
type Reader interface {
	// Check tells whether the repository is there, has the branch, and may be given pull requests with this credential, as
	// far as the host tells without one being made. It fails with ErrNotFound, ErrBaseNotFound, ErrUnauthorized,
	// ErrForbidden or, where the repository takes no pull requests, ErrUnsupported.
	Check(ctx context.Context, base string) error
	// Get is one pull request. It fails with ErrNotFound.
	Get(ctx context.Context, number int) (PullRequest, error)
	// ByHead are the pull requests of a branch of the repository to a base, in any state, newest first. At most 100.
	ByHead(ctx context.Context, branch, base string) ([]PullRequest, error)
	// ListOpen are the open pull requests to a base, newest first. At most 1000.
	ListOpen(ctx context.Context, base string) ([]PullRequest, error)
}

// Writer changes pull requests.
type Writer interface {
	// Create makes a pull request. It fails with ErrExists when the branch has one already, with ErrNoDifference, with
	// ErrBaseNotFound, or with ErrRejected and the host's words.
	Create(ctx context.Context, n New) (PullRequest, error)
	// Edit sets title and body.
	Edit(ctx context.Context, number int, title, body string) error
	// Label adds labels. One that the repository does not have is created where the host can, else it is ErrRejected.
	Label(ctx context.Context, number int, labels []string) error
	// RequestReview asks users and teams for a review. A team is its name, or org/name where the host wants that.
	RequestReview(ctx context.Context, number int, users, teams []string) error
	// Assign adds assignees.
	Assign(ctx context.Context, number int, users []string) error
	// EnableAutoMerge makes the host merge the pull request once its rules are met. Where nothing stands in the way it is
	// merged at once, or queued. It fails with ErrUnsupported where the repository or the host does not permit that, and
	// with ErrHeadMoved when its head is not the one given by now. What a person pushes after that, hosts merge too:
	// whoever minds compares Head, and calls DisableAutoMerge.
	EnableAutoMerge(ctx context.Context, pr PullRequest, method Method) error
	// DisableAutoMerge takes that back.
	DisableAutoMerge(ctx context.Context, pr PullRequest) error
	// Comment adds a comment, unless one with this key is there.
	Comment(ctx context.Context, number int, key, text string) error
	// Close closes an open pull request. One that is not open stays as it is.
	Close(ctx context.Context, number int) error
}

// Poller finds out what has changed, with one request where nothing has.
type Poller interface {
	Poll(ctx context.Context, since Cursor) (Changes, error)
}

// Server is a repository on a host, and how to reach the host's API.
type Server struct {
	// API is the base of the API's URLs, without slash at the end: https://api.github.com, https://git.example.com/api/v1.
	API string
	// Owner and Name of the repository.
	Owner, Name string
	Auth        Auth
	// CA is a PEM bundle to trust instead of the system's. Empty means the system's.
	CA []byte
	// AllowHTTP permits http URLs: the token then travels in the clear.
	AllowHTTP bool
	// Timeout bounds each request, its answer included. Default 30 seconds.
	Timeout time.Duration
	// Dial replaces the dialer, so that a policy can check the address that is really dialled.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Clock tells when to try again. Nil means the system's.
	Clock clock.PassiveClock
}

// Auth is what to log in with: a token, or a GitHub App. The zero value is anonymous.
type Auth struct {
	Token string
	App   *App
}

// App is a GitHub App, installed for the repository.
type App struct {
	ID, Installation int64
	// PrivateKey in PEM.
	PrivateKey []byte
}

// Provider is a kind of git host.
type Provider struct {
	// Name is what people write, such as GitHub.
	Name string
	// Owns tells by its name alone that a host is of this kind: github.com.
	Owns func(host string) bool
	// API is where the API of a host is, given the scheme and the host[:port] of its repositories.
	API func(scheme, host string) string
	// Probe asks whether there is an API of this kind at Server.API. Nothing is sent that is secret.
	Probe func(ctx context.Context, s Server) (bool, error)
	// Open gives a client. Nothing is contacted. It fails with ErrURL, ErrCertificate or ErrKey.
	Open func(s Server) (Client, error)
	// GitLogin is what to log in with at the repository itself, for an Auth that is an App: a user name and a token that
	// lasts for at least some minutes. Nil where the host has no such thing.
	GitLogin func(ctx context.Context, s Server) (username, password string, err error)
}
