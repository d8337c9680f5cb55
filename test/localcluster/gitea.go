package localcluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Gitea is a real Gitea, a git host with pull requests. Argo CD may read all its
// repositories. What is done with it here does not go through the client that
// the project has for it, so that tests may compare.
//
// Accounts, organisations and repositories stay as long as the server: use new
// names in each test.
type Gitea struct {
	URL        string  `json:"url"`
	Admin      GitUser `json:"admin"`
	AdminToken string  `json:"adminToken"` // for everything
}

// StartGitea starts Gitea and nothing else, which takes about a second, or joins
// the one of GITOPS_CLUSTER_STATE. As with Start, stop must be called.
func StartGitea(ctx context.Context, log io.Writer) (g Gitea, stop func() error, err error) {
	if path := os.Getenv(StateVariable); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return Gitea{}, nil, fmt.Errorf("read %s: %w", StateVariable, err)
		}
		s, err := readState(bytes.NewReader(data))
		return s.Gitea, func() error { return nil }, err
	}
	dir, err := programDir()
	if err != nil {
		return Gitea{}, nil, err
	}
	p, err := launch(dir, log, "-only-gitea")
	if err != nil {
		return Gitea{}, nil, fmt.Errorf("start Gitea: %w", err)
	}
	cancelled := context.AfterFunc(ctx, func() { _ = p.stop() })
	defer cancelled()
	s, err := readState(p.stdout)
	if err != nil {
		return Gitea{}, nil, errors.Join(fmt.Errorf("start Gitea: %w", err), ctx.Err(), p.stop())
	}
	return s.Gitea, p.stop, nil
}

// API is the base of the API's URLs.
func (g Gitea) API() string { return g.URL + "/api/v1" }

// GiteaUser is an account of Gitea.
type GiteaUser struct {
	Name, Password string
	// Token is for everything that the account may do. Git takes it as a password too.
	Token string
}

// CreateUser makes an account.
func (g Gitea) CreateUser(ctx context.Context, name string) (GiteaUser, error) {
	u := GiteaUser{Name: name, Password: rand.Text()}
	err := g.Call(ctx, g.AdminToken, http.MethodPost, "/admin/users", map[string]any{
		"username": name, "password": u.Password, "email": name + "@example.com", "must_change_password": false,
	}, nil)
	if err != nil {
		return GiteaUser{}, err
	}
	u.Token, err = g.CreateToken(ctx, u, "all")
	return u, err
}

// CreateToken makes a token of an account that is restricted to scopes, such as
// write:repository, write:issue or read:repository.
func (g Gitea) CreateToken(ctx context.Context, of GiteaUser, scopes ...string) (string, error) {
	var made struct {
		SHA1 string `json:"sha1"`
	}
	request := map[string]any{"name": rand.Text(), "scopes": scopes}
	err := g.send(ctx, func(r *http.Request) { r.SetBasicAuth(of.Name, of.Password) },
		http.MethodPost, "/users/"+url.PathEscape(of.Name)+"/tokens", request, &made)
	return made.SHA1, err
}

// CreateOrganisation makes an organisation, owned by the administrator.
func (g Gitea) CreateOrganisation(ctx context.Context, name string) error {
	return g.Call(ctx, g.AdminToken, http.MethodPost, "/orgs", map[string]any{"username": name}, nil)
}

// CreateTeam makes a team that may write to all repositories of an organisation.
func (g Gitea) CreateTeam(ctx context.Context, organisation, name string, members ...string) error {
	var made struct {
		ID int64 `json:"id"`
	}
	err := g.Call(ctx, g.AdminToken, http.MethodPost, "/orgs/"+url.PathEscape(organisation)+"/teams", map[string]any{
		"name": name, "permission": "write", "includes_all_repositories": true,
		"units": []string{"repo.code", "repo.issues", "repo.pulls"},
	}, &made)
	for _, member := range members {
		if err != nil {
			return err
		}
		err = g.Call(ctx, g.AdminToken, http.MethodPut, fmt.Sprintf("/teams/%d/members/%s", made.ID, url.PathEscape(member)), nil, nil)
	}
	return err
}

// GiteaError is a refusal by Gitea.
type GiteaError struct {
	Request string // method and path
	Status  int
	Body    string
}

func (e *GiteaError) Error() string {
	return fmt.Sprintf("Gitea answers %d to %s: %s", e.Status, e.Request, e.Body)
}

// Call sends a request to the API, such as GET /repos/OWNER/NAME, and decodes the
// answer. An answer other than a success is a *GiteaError. in and out may be nil.
func (g Gitea) Call(ctx context.Context, token, method, path string, in, out any) error {
	return g.send(ctx, func(r *http.Request) { r.Header.Set("Authorization", "token "+token) }, method, path, in, out)
}

func (g Gitea) send(ctx context.Context, login func(*http.Request), method, path string, in, out any) error {
	var payload bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&payload).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, g.API()+path, &payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	login(request)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("call Gitea: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 32<<20))
	if err != nil {
		return fmt.Errorf("call Gitea: %w", err)
	}
	if response.StatusCode >= 300 {
		return &GiteaError{Request: method + " " + path, Status: response.StatusCode, Body: strings.TrimSpace(string(answer))}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
