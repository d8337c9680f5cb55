package gitrepo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The two services of the git protocol.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// Several forges choose the smart protocol by a user agent that begins with git/.
const userAgent = "git/2.40 (tekton-gitops)"

const maxRedirects = 5

func newClient(ca []byte, o Options) (*http.Client, error) {
	t := &http.Transport{
		DialContext:         o.Dial,
		Proxy:               o.Proxy,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 15 * time.Second,
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 2,
		ForceAttemptHTTP2:   true,
	}
	if len(ca) > 0 {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%w: the CA bundle has no PEM certificate", ErrCertificate)
		}
	}
	return &http.Client{Transport: t, CheckRedirect: followSameHost}, nil
}

// followSameHost lets a discovery (GET) follow a server that tidies its own paths. Anything else
// is returned to the caller as it is, and becomes ErrRedirect: the credentials belong to one host,
// and a redirected POST would lose its body.
func followSameHost(next *http.Request, via []*http.Request) error {
	from, to := via[0].URL, next.URL
	sameHost := strings.EqualFold(from.Host, to.Host) && from.Scheme == to.Scheme
	if via[0].Method != http.MethodGet || !sameHost || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// discover asks for the references and capabilities of a service. A redirect on the same host moves
// the repository's URL for the requests that follow.
func (r *Repository) discover(ctx context.Context, service string) (io.ReadCloser, error) {
	body, final, err := r.do(ctx, http.MethodGet, "/info/refs?service="+service, nil,
		"application/x-"+service+"-advertisement")
	if err != nil {
		return nil, err
	}
	if base, ok := strings.CutSuffix(final.Path, "/info/refs"); ok {
		r.url.Path, r.url.RawPath = base, ""
	}
	return body, nil
}

// call posts a request to a service. The answer is limited and must be closed.
func (r *Repository) call(ctx context.Context, service string, request []byte) (io.ReadCloser, error) {
	body, _, err := r.do(ctx, http.MethodPost, "/"+service, request, "application/x-"+service+"-result")
	return body, err
}

func (r *Repository) do(ctx context.Context, method, path string, request []byte, want string) (io.ReadCloser, *url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	req, err := http.NewRequestWithContext(ctx, method, r.url.String()+path, bytes.NewReader(request))
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("%w: %s", ErrURL, r.url)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", want)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", strings.TrimSuffix(want, "result")+"request")
	}
	if path != "/"+receivePack {
		// Net/http then repeats the request on a fresh connection when the kept one turns out to be
		// dead. A push must not be repeated blindly.
		req.Header["Idempotency-Key"] = nil
	}
	if r.auth != (Auth{}) {
		// Sent unasked: waiting for a 401 costs a round trip per request.
		req.SetBasicAuth(r.auth.Username, r.auth.Password)
	}
	res, err := r.client.Do(req)
	if err != nil {
		cancel()
		return nil, nil, transportError(err)
	}
	if err := r.checkStatus(res, want); err != nil {
		res.Body.Close()
		cancel()
		return nil, nil, err
	}
	return &limitedBody{body: res.Body, left: r.opts.MaxTotalBytes, cancel: cancel}, res.Request.URL, nil
}

// transportError drops the URL that net/http puts in front, and names certificate problems.
func transportError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w: %w: put the certificate of that authority into the Secret as ca.crt", ErrCertificate, err)
	case errors.As(err, &verify), errors.As(err, &host), errors.As(err, &invalid):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return err
}

func (r *Repository) checkStatus(res *http.Response, want string) error {
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		if got, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); got != want {
			return fmt.Errorf("%w: the answer has content type %q", ErrNotGit, clean(got, maxWords))
		}
		return nil
	case code == http.StatusUnauthorized:
		return r.statusError(res, ErrUnauthorized)
	case code == http.StatusForbidden:
		return r.statusError(res, ErrForbidden)
	case code == http.StatusNotFound, code == http.StatusGone:
		return r.statusError(res, ErrNotFound)
	case code == http.StatusRequestEntityTooLarge:
		return r.statusError(res, ErrTooLarge)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w%s", ErrRedirect, newLocation(res))
	default:
		return r.statusError(res, errors.New("unexpected answer"))
	}
}

// newLocation says where the repository is now, without anything that could be a credential.
func newLocation(res *http.Response) string {
	to, err := res.Location()
	if err != nil {
		return ""
	}
	path, _ := strings.CutSuffix(to.Path, "/info/refs")
	return fmt.Sprintf(": change the URL to %s://%s%s if you trust that address", to.Scheme, to.Host, clean(path, maxWords))
}

// statusError adds the server's own words when they are plain text; forges explain a refusal there.
func (r *Repository) statusError(res *http.Response, err error) error {
	err = fmt.Errorf("%w (HTTP %d)", err, res.StatusCode)
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/plain" {
		return err
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4*maxWords))
	if words := r.words(string(text)); words != "" {
		return fmt.Errorf("%w: %s", err, words)
	}
	return err
}

// limitedBody ends a request's deadline when it is closed, and refuses to read more than its limit.
type limitedBody struct {
	body   io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("answer of the server: %w", ErrTooLarge)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	return n, err
}

// Close drains a short rest, which lets the connection be used again.
func (b *limitedBody) Close() error {
	_, _ = io.CopyN(io.Discard, b.body, 64<<10)
	err := b.body.Close()
	b.cancel()
	return err
}
