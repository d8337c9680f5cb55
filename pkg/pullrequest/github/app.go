package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bradleyfalzon/ghinstallation/v2"
	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// gitUser is who git logs in as with an installation's token.
const gitUser = "x-access-token"

// installation is where an App's tokens come from. Each lasts an hour and is for the one repository only.
type installation struct {
	tokens *ghinstallation.Transport
}

func newInstallation(s pullrequest.Server, w *wire) (*installation, error) {
	tokens, err := ghinstallation.New(w, s.Auth.App.ID, s.Auth.App.Installation, s.Auth.App.PrivateKey)
	if err != nil {
		// The parser's words are about the key's content.
		return nil, fmt.Errorf("%w: give the RSA key in PEM that GitHub made for the App", pullrequest.ErrKey)
	}
	tokens.BaseURL = s.API
	// The options are of another version of go-github, which only their JSON form keeps out of here.
	options, err := json.Marshal(map[string][]string{"repositories": {s.Name}})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(options, &tokens.InstallationTokenOptions); err != nil {
		return nil, err
	}
	return &installation{tokens: tokens}, nil
}

func (i *installation) token(ctx context.Context) (string, error) {
	token, err := i.tokens.Token(ctx)
	var failed *ghinstallation.HTTPError
	if !errors.As(err, &failed) {
		return token, err
	}
	if failed.Response == nil {
		return "", failed.RootCause
	}
	defer failed.Response.Body.Close()
	return "", &installationError{err: gh.CheckResponse(failed.Response)}
}

// missing names a permission that the App needs and does not have here. It knows once a token was made.
func (i *installation) missing() string {
	permissions, err := i.tokens.Permissions()
	switch {
	case err != nil:
		return ""
	case permissions.GetPullRequests() != "write":
		return "Pull requests: Read and write"
	case permissions.GetContents() != "write":
		return "Contents: Read and write"
	}
	return ""
}

func gitLogin(ctx context.Context, s pullrequest.Server) (username, password string, err error) {
	const doing = "get a token for git as a GitHub App"
	if s.Auth.App == nil {
		return "", "", fmt.Errorf("%s: %w: no App is given", doing, pullrequest.ErrKey)
	}
	w, err := newWire(s)
	if err != nil {
		return "", "", err
	}
	defer w.close()
	app, err := newInstallation(s, w)
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	token, err := app.token(ctx)
	if err != nil {
		return "", "", fail(doing, s, err)
	}
	return gitUser, token, nil
}
