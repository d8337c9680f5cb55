// Package gitea runs Gitea, a git host with pull requests, on the loopback
// interface and with a database in a temporary directory.
//
// Promise: Start returns when the API answers the administrator's token. What
// makes a start slow or reaches out of this machine is off: mail, actions,
// packages, mirrors, indexers, avatars, periodic work, ssh. Webhooks may be sent to
// the loopback interface only.
package gitea

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/process"
)

// Options of a server.
type Options struct {
	Binary     string
	Static     string // the templates, options and public files of its version
	Supervisor *process.Supervisor
	Dir        string // is made; everything that the server writes goes below it
	Env        []string
	Port       int
	// Password of the administrator.
	Password string
	Timeout  time.Duration // until it must be ready
}

// Administrator is the name of the first account.
const Administrator = "administrator"

// Server is a running server.
type Server struct {
	URL string
	// Token of the administrator, for everything.
	Token string
}

// URL is where a server on a port will be.
func URL(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

// settings are documented in Gitea's custom/conf/app.example.ini. As this whole
// program may be run as root, Gitea may be too: it listens on the loopback
// interface only, and its accounts are ours. Hashing passwords is made cheap:
// git logs in with one at every request.
const settings = `
RUN_MODE = prod
WORK_PATH = {{.Dir}}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {{.Port}}
ROOT_URL = {{.URL}}/
STATIC_ROOT_PATH = {{.Static}}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {{.Dir}}/gitea.db
SQLITE_JOURNAL_MODE = WAL
SQLITE_TIMEOUT = 20000
[repository]
ROOT = {{.Dir}}/repositories
DEFAULT_BRANCH = main
[repository.signing]
SIGNING_KEY = none
[security]
INSTALL_LOCK = true
SECRET_KEY = {{.SecretKey}}
INTERNAL_TOKEN = {{.InternalToken}}
PASSWORD_HASH_ALGO = pbkdf2$1$10
[service]
DISABLE_REGISTRATION = true
[indexer]
ISSUE_INDEXER_TYPE = db
[cache]
ADAPTER = memory
[session]
PROVIDER = memory
[queue]
TYPE = channel
[webhook]
ALLOWED_HOST_LIST = loopback
[log]
MODE = console
LEVEL = Warn
[git.config]
gc.auto = 0
receive.autogc = false
[oauth2]
ENABLED = false
[mailer]
ENABLED = false
[actions]
ENABLED = false
[packages]
ENABLED = false
[mirror]
ENABLED = false
[cron]
ENABLED = false
`

// Start starts the server and makes its administrator.
func Start(ctx context.Context, o Options) (Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return Server{}, err
	}
	config := filepath.Join(o.Dir, "app.ini")
	if err := writeSettings(config, o); err != nil {
		return Server{}, err
	}
	child, err := o.Supervisor.Start(process.Command{
		Name: "gitea", Path: o.Binary, Args: []string{"--config", config, "web"}, Env: o.Env, Dir: o.Dir,
	})
	if err != nil {
		return Server{}, err
	}
	s := Server{URL: URL(o.Port)}
	if err := child.WaitReady(ctx, o.Timeout, s.answers); err != nil {
		return Server{}, err
	}
	create := exec.CommandContext(ctx, o.Binary, "--config", config, "admin", "user", "create", "--admin",
		"--username", Administrator, "--password", o.Password, "--email", Administrator+"@example.com", "--must-change-password=false")
	create.Env, create.Dir = o.Env, o.Dir
	if out, err := create.CombinedOutput(); err != nil {
		return Server{}, fmt.Errorf("make the administrator of Gitea: %w: %s", err, strings.TrimSpace(string(out)))
	}
	s.Token, err = s.makeToken(ctx, o.Password)
	return s, err
}

func writeSettings(path string, o Options) error {
	values := struct {
		Options
		URL, SecretKey, InternalToken string
	}{o, URL(o.Port), rand.Text(), rand.Text()}
	var text bytes.Buffer
	if err := template.Must(template.New("").Parse(settings)).Execute(&text, values); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}

func (s Server) answers(ctx context.Context) error {
	return s.call(ctx, http.MethodGet, "/version", "", nil, nil)
}

func (s Server) makeToken(ctx context.Context, password string) (string, error) {
	var made struct {
		SHA1 string `json:"sha1"`
	}
	request := map[string]any{"name": "test", "scopes": []string{"all"}}
	err := s.call(ctx, http.MethodPost, "/users/"+Administrator+"/tokens", password, request, &made)
	return made.SHA1, err
}

// call calls the API, as the administrator if there is a password.
func (s Server) call(ctx context.Context, method, path, password string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+"/api/v1"+path, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if password != "" {
		request.SetBasicAuth(Administrator, password)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("Gitea answers %s to %s %s: %s", response.Status, method, path, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
