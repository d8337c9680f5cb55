package argocd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	settingspkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/settings"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// watchLife ends a watch now and then, so that a stream that died unnoticed in
// some proxy does not count as one.
const watchLife = 30 * time.Minute

// Conn calls one Argo CD server with one credential. It is safe for concurrent use.
type Conn struct {
	ch   *channel
	cred Credential
	opts Options
	// owned: Close ends the channel too.
	owned bool
}

// Dial checks server and CA, and returns a Conn that connects with its first
// call. Errors: ErrServer, ErrCertificate, ErrUnauthenticated (no credential).
func Dial(s Server, cred Credential, opts Options) (*Conn, error) {
	opts = opts.withDefaults()
	if err := cred.validate(); err != nil {
		return nil, err
	}
	ch, err := open(s, opts)
	if err != nil {
		return nil, err
	}
	return &Conn{ch: ch, cred: cred, opts: opts, owned: true}, nil
}

func (c Credential) validate() error {
	if c.Token == "" && (c.Username == "" || c.Password == "") {
		return fmt.Errorf("%w: neither a token nor a username and password is given", ErrUnauthenticated)
	}
	return nil
}

// Close ends the connection and every call on it. A Conn of a Pool is given
// back with its release function instead; its Close does nothing.
func (c *Conn) Close() error {
	if !c.owned {
		return nil
	}
	return c.ch.close()
}

// authorize returns the token and the call option that sends it.
func (c *Conn) authorize(ctx context.Context) (string, grpc.CallOption, error) {
	token := c.cred.Token
	if token == "" {
		var err error
		if token, err = c.ch.session.get(ctx, sessionpkg.NewSessionServiceClient(c.ch.grpc), c.cred); err != nil {
			return "", nil, err
		}
	}
	return token, grpc.PerRPCCredentials(bearer{token: token, secure: !c.ch.server.Plaintext}), nil
}

// call runs f with a deadline and the token. A session token that expired is
// replaced once; the server refused the first call, so nothing happens twice.
func (c *Conn) call(ctx context.Context, what string, f func(context.Context, grpc.CallOption) error) error {
	limited, cancel := c.limit(ctx)
	defer cancel()
	for again := true; ; again = false {
		token, option, err := c.authorize(limited)
		if err == nil {
			err = f(limited, option)
			if again && c.cred.Token == "" && status.Code(err) == codes.Unauthenticated && c.ch.session.drop(token) {
				continue
			}
		}
		return c.classify(ctx, what, err)
	}
}

func (c *Conn) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.Timeout)
}

func (c *Conn) applications() applicationpkg.ApplicationServiceClient {
	return applicationpkg.NewApplicationServiceClient(c.ch.grpc)
}

// Watch calls changed for the current state and whenever the Application may
// have changed, until ctx or the stream ends. A stream ends with nil: start
// another, after a pause. It says nothing, rather than failing, when the account
// may not get the Application: Get it first.
func (c *Conn) Watch(ctx context.Context, app App, changed func()) error {
	what := "watch application " + app.String()
	limited, cancel := context.WithTimeout(ctx, watchLife)
	defer cancel()
	token, option, err := c.authorize(limited)
	if err != nil {
		return c.classify(ctx, what, err)
	}
	stream, err := c.applications().Watch(limited, query(app, RefreshNone), option)
	for err == nil {
		if _, err = stream.Recv(); err == nil {
			changed()
		}
	}
	if status.Code(err) == codes.Unauthenticated && c.cred.Token == "" {
		c.ch.session.drop(token)
	}
	if errors.Is(err, io.EOF) || (ctx.Err() == nil && limited.Err() != nil) {
		return nil
	}
	return c.classify(ctx, what, err)
}

// BaseURL is Argo CD's external URL for links, "" when none is configured.
func (c *Conn) BaseURL(ctx context.Context) (string, error) {
	var answer *settingspkg.Settings
	err := c.call(ctx, "read the settings of Argo CD", func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = settingspkg.NewSettingsServiceClient(c.ch.grpc).Get(ctx, &settingspkg.SettingsQuery{}, token)
		return err
	})
	if err != nil {
		return "", err
	}
	return strings.TrimRight(clip(answer.URL, maxMessage), "/"), nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
