package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	apiVersion     = "2022-11-28"
	userAgent      = "tekton-gitops"
	defaultTimeout = 30 * time.Second
	maxRedirects   = 5
	// maxAnswerBytes is above a page of 100 pull requests with the longest texts that GitHub permits: in a public repository
	// anybody can make such a page, and polling must go on.
	maxAnswerBytes = 32 << 20
)

var errTooLarge = fmt.Errorf("%w: the answer is larger than %d MiB", pullrequest.ErrNotAPI, maxAnswerBytes>>20)

// wire is the way to one host, without a credential. It refuses every other host.
type wire struct {
	base    *url.URL
	timeout time.Duration
	next    *http.Transport
}

func newWire(s pullrequest.Server) (*wire, error) {
	base, err := parseAPI(s)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		DialContext:           s.Dial,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   15 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   2,
		ForceAttemptHTTP2:     true,
		ExpectContinueTimeout: time.Second,
	}
	if len(s.CA) > 0 {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(s.CA) {
			return nil, fmt.Errorf("%w: the CA bundle has no PEM certificate", pullrequest.ErrCertificate)
		}
	}
	w := &wire{base: base, timeout: s.Timeout, next: t}
	if w.timeout <= 0 {
		w.timeout = defaultTimeout
	}
	return w, nil
}

// parseAPI checks the URL and the names, which become part of every path. It never quotes a URL with a login in it.
func parseAPI(s pullrequest.Server) (*url.URL, error) {
	u, err := url.Parse(s.API)
	switch {
	case err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("%w: it must be like https://api.github.com or https://HOST/api/v3", pullrequest.ErrURL)
	case u.Scheme == "http" && !s.AllowHTTP:
		return nil, fmt.Errorf("%w: %s is not encrypted: use https", pullrequest.ErrURL, s.API)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: %s: the scheme must be https", pullrequest.ErrURL, s.API)
	}
	for _, name := range []string{s.Owner, s.Name} {
		if !isName(name) {
			return nil, fmt.Errorf("%w: %q is not OWNER/NAME of a repository", pullrequest.ErrURL, s.Owner+"/"+s.Name)
		}
	}
	return u, nil
}

func isName(name string) bool {
	strange := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
	}
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, strange)
}

// RoundTrip puts on each request what all have in common, and bounds its answer.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if !w.sameHost(req.URL) {
		return nil, fmt.Errorf("%w: %s is not asked, only %s", pullrequest.ErrURL, req.URL.Host, w.base.Host)
	}
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("X-Github-Api-Version", apiVersion)
	res, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &bounded{body: res.Body, left: maxAnswerBytes}
	return res, nil
}

func (w *wire) sameHost(u *url.URL) bool {
	return strings.EqualFold(u.Host, w.base.Host) && u.Scheme == w.base.Scheme
}

func (w *wire) close() { w.next.CloseIdleConnections() }

// follow is for renamed repositories. Net/http makes a GET of a change that is answered with 301, which would then seem to
// have succeeded.
func (w *wire) follow(next *http.Request, via []*http.Request) error {
	switch {
	case !w.sameHost(next.URL):
		return fmt.Errorf("%w: it redirects to %s://%s: use that one if you trust it",
			pullrequest.ErrURL, next.URL.Scheme, next.URL.Host)
	case next.Method != via[0].Method:
		return fmt.Errorf("%w: the repository has moved: use its new address", pullrequest.ErrURL)
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d redirects", pullrequest.ErrURL, maxRedirects)
	}
	return nil
}

// signed adds the credential. The host has been checked by the time it is sent: the wire below refuses any other.
type signed struct {
	next  *wire
	token func(context.Context) (string, error)
}

func (s *signed) RoundTrip(req *http.Request) (*http.Response, error) {
	if !s.next.sameHost(req.URL) {
		return s.next.RoundTrip(req)
	}
	token, err := s.token(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return s.next.RoundTrip(req)
}

// bounded fails where io.LimitReader would end, so that half an answer is not taken for a whole one.
type bounded struct {
	body io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		return int(b.left), errTooLarge
	}
	b.left -= int64(n)
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }

// transportError drops the URL that net/http puts in front, and names what will not pass by itself.
func transportError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("%w: the server does not speak TLS there", pullrequest.ErrURL)
	}
	return pullrequest.MarkCertificate(err)
}
