package policy

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	keyGitHosts           = "allowed-git-hosts"
	keyArgoCDHosts        = "allowed-argocd-hosts"
	keyAllowPlaintext     = "allow-plaintext"
	keyAllowInsecure      = "allow-insecure"
	keyAllowHTTPGit       = "allow-http-git"
	keySSHKnownHosts      = "ssh-known-hosts"
	keyRequireHostBinding = "require-host-binding"
	keyMaxManifestBytes   = "max-manifest-bytes"
	keyMaxObjectBytes     = "max-object-bytes"
	keyMaxFetchBytes      = "max-fetch-bytes"
	keyGitTimeout         = "git-timeout"
	keyArgoCDTimeout      = "argocd-timeout"
	keyPullRequestPoll    = "pull-request-poll-interval"

	// exampleKey is where Tekton's and Knative's ConfigMaps keep their documentation.
	exampleKey = "_example"

	minBytes, maxBytes     = 1 << 10, 1 << 30
	minTimeout, maxTimeout = time.Second, 10 * time.Minute
	maxKnownHosts          = 256 << 10
)

// Key documents one key of the ConfigMap.
type Key struct {
	Name        string
	Default     string
	Description string
}

// Keys lists every key of the ConfigMap. Any other key is an error.
func Keys() []Key {
	return []Key{
		{keyGitHosts, "public", "hosts that git, and the API for pull requests, may reach: exact names and addresses, *.DOMAIN for names below one, public for every host with a public address, cluster for every host with a private one; separated by commas or white space"},
		{keyArgoCDHosts, "public, cluster", "the same for Argo CD servers"},
		{keyAllowPlaintext, "false", "whether Argo CD may be reached without TLS"},
		{keyAllowInsecure, "false", "whether Argo CD may be reached without verifying its certificate"},
		{keyAllowHTTPGit, "false", "whether git, and the API for pull requests, may be reached over http"},
		{keySSHKnownHosts, "", "host keys that git over ssh accepts where the Secret has no known_hosts: lines as in OpenSSH's known_hosts; ssh-keyscan HOST prints them, to be compared with what the host publishes"},
		{keyRequireHostBinding, "false", "whether a Secret must say which host it is for"},
		{keyMaxManifestBytes, "1Mi", "largest file that is edited"},
		{keyMaxObjectBytes, "16Mi", "largest single object that is read from a repository"},
		{keyMaxFetchBytes, "128Mi", "most that is read from a repository at once"},
		{keyGitTimeout, "2m", "longest exchange with a git server, and with a git host's API"},
		{keyArgoCDTimeout, "30s", "longest exchange with an Argo CD server"},
		{keyPullRequestPoll, "30s", "how often the pull requests of a repository are asked for while runs wait for a merge: once for all of its runs that have the same credential"},
	}
}

// Default is the policy of an empty ConfigMap.
func Default() Policy {
	p, err := Parse(nil)
	if err != nil {
		panic("policy: the documented defaults do not parse: " + err.Error())
	}
	return p
}

// Parse reads the data of the ConfigMap. Its errors wrap ErrInvalid and name the key.
func Parse(data map[string]string) (Policy, error) {
	values := map[string]string{}
	for _, key := range Keys() {
		values[key.Name] = key.Default
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if name == exampleKey {
			continue
		}
		if _, known := values[name]; !known {
			return Policy{}, fmt.Errorf("%w: ConfigMap %s: unknown key %q; known are %s", ErrInvalid, Name, name, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
		}
		values[name] = strings.TrimSpace(data[name])
	}
	r := reader{values: values}
	p := Policy{
		GitHosts:           r.hosts(keyGitHosts),
		ArgoCDHosts:        r.hosts(keyArgoCDHosts),
		AllowPlaintext:     r.bool(keyAllowPlaintext),
		AllowInsecure:      r.bool(keyAllowInsecure),
		AllowHTTPGit:       r.bool(keyAllowHTTPGit),
		SSHKnownHosts:      r.knownHosts(keySSHKnownHosts),
		RequireHostBinding: r.bool(keyRequireHostBinding),
		MaxManifestBytes:   r.bytes(keyMaxManifestBytes),
		MaxObjectBytes:     r.bytes(keyMaxObjectBytes),
		MaxFetchBytes:      r.bytes(keyMaxFetchBytes),
		GitTimeout:         r.duration(keyGitTimeout),
		ArgoCDTimeout:      r.duration(keyArgoCDTimeout),

		PullRequestPollInterval: r.duration(keyPullRequestPoll),
	}
	if r.err != nil {
		return Policy{}, r.err
	}
	return p, nil
}

// reader keeps the first error, so that the list of fields above stays a list.
type reader struct {
	values map[string]string
	err    error
}

func (r *reader) fail(key, want string) {
	r.failed(key, fmt.Sprintf("is %q: write %s", r.values[key], want))
}

func (r *reader) bool(key string) bool {
	switch r.values[key] {
	case "true":
		return true
	case "false":
	default:
		r.fail(key, "true or false")
	}
	return false
}

func (r *reader) bytes(key string) int64 {
	q, err := resource.ParseQuantity(r.values[key])
	if err != nil || q.Value() < minBytes || q.Value() > maxBytes {
		r.fail(key, "a size between 1Ki and 1Gi")
		return 0
	}
	return q.Value()
}

func (r *reader) duration(key string) time.Duration {
	d, err := time.ParseDuration(r.values[key])
	if err != nil || d < minTimeout || d > maxTimeout {
		r.fail(key, "a duration between 1s and 10m")
		return 0
	}
	return d
}

func (r *reader) hosts(key string) Hosts {
	h, err := parseHosts(r.values[key])
	if err != nil {
		r.fail(key, err.Error())
	}
	return h
}

// knownHosts checks the lines, so that a mistake shows here and not in every run.
func (r *reader) knownHosts(key string) string {
	text := r.values[key]
	if len(text) > maxKnownHosts {
		r.failed(key, fmt.Sprintf("has more than %d bytes", maxKnownHosts))
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if !isKnownHost(strings.Fields(line)) {
			r.failed(key, fmt.Sprintf("line %d is not NAMES TYPE KEY, as ssh-keyscan prints it", number))
		}
	}
	return text
}

// isKnownHost accepts the fields of a line of known_hosts, comments and empty lines too; sshd(8) describes them.
func isKnownHost(fields []string) bool {
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return true
	}
	if fields[0] == "@cert-authority" || fields[0] == "@revoked" {
		fields = fields[1:]
	}
	if len(fields) < 3 || strings.HasPrefix(fields[0], "@") {
		return false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return false
	}
	key, err := ssh.ParsePublicKey(blob)
	return err == nil && key.Type() == fields[1]
}

func (r *reader) failed(key, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: ConfigMap %s: %s %s", ErrInvalid, Name, key, why)
	}
}
