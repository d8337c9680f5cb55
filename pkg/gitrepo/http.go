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

// Several forges choose the smart protocol by a user agent that begins with git/.
const userAgent = "git/2.40 (tekton-gitops)"

const maxRedirects = 5

// smartHTTP is the transport of http and https. The URL is the Repository's own.
type smartHTTP struct {
	url    *url.URL
	auth   Auth
	opts   Options
	client *http.Client
}

func newSmartHTTP(u *url.URL, auth Auth, ca []byte, o Options) (*smartHTTP, error) {
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
	return &smartHTTP{url: u, auth: auth, opts: o, client: &http.Client{Transport: t, CheckRedirect: followSameHost}}, nil
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

// discover moves the repository's URL for the requests that follow when there is a redirect on the same
// host.
func (h *smartHTTP) discover(ctx context.Context, service string, read func(io.Reader) error) error {
	body, final, err := h.do(ctx, http.MethodGet, "/info/refs?service="+service, nil,
		"application/x-"+service+"-advertisement")
	if err != nil {
		return err
	}
	defer body.Close()
	if base, ok := strings.CutSuffix(final.Path, "/info/refs"); ok {
		h.url.Path, h.url.RawPath = base, ""
	}
	return read(body)
}

func (h *smartHTTP) call(ctx context.Context, service string, request []byte) (io.ReadCloser, error) {
	body, _, err := h.do(ctx, http.MethodPost, "/"+service, request, "application/x-"+service+"-result")
	return body, err
}

func (h *smartHTTP) close() { h.client.CloseIdleConnections() }

func (h *smartHTTP) do(ctx context.Context, method, path string, request []byte, want string) (io.ReadCloser, *url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	req, err := http.NewRequestWithContext(ctx, method, h.url.String()+path, bytes.NewReader(request))
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("%w: %s", ErrURL, h.url)
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
	if h.auth.Username != "" || h.auth.Password != "" {
		// Sent unasked: waiting for a 401 costs a round trip per request.
		req.SetBasicAuth(h.auth.Username, h.auth.Password)
	}
	res, err := h.client.Do(req)
	if err != nil {
		cancel()
		return nil, nil, transportError(err)
	}
	if err := h.checkStatus(res, want); err != nil {
		res.Body.Close()
		cancel()
		return nil, nil, err
	}
	body := limited{res.Body, h.opts.MaxTotalBytes}
	return &httpBody{limited: body, body: res.Body, cancel: cancel}, res.Request.URL, nil
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

func (h *smartHTTP) checkStatus(res *http.Response, want string) error {
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		if got, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); got != want {
			return fmt.Errorf("%w: the answer has content type %q", ErrNotGit, clean(got, maxWords))
		}
		return nil
	case code == http.StatusUnauthorized:
		return h.statusError(res, ErrUnauthorized)
	case code == http.StatusForbidden:
		return h.statusError(res, ErrForbidden)
	case code == http.StatusNotFound, code == http.StatusGone:
		return h.statusError(res, ErrNotFound)
	case code == http.StatusRequestEntityTooLarge:
		return h.statusError(res, ErrTooLarge)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w%s", ErrRedirect, newLocation(res))
	default:
		return h.statusError(res, errors.New("unexpected answer"))
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
func (h *smartHTTP) statusError(res *http.Response, err error) error {
	err = fmt.Errorf("%w (HTTP %d)", err, res.StatusCode)
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/plain" {
		return err
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4*maxWords))
	if words := h.auth.words(string(text)); words != "" {
		return fmt.Errorf("%w: %s", err, words)
	}
	return err
}

// httpBody ends a request's deadline when it is closed.
type httpBody struct {
	limited
	body   io.ReadCloser
	cancel context.CancelFunc
}

// Close drains a short rest, which lets the connection be used again.
func (b *httpBody) Close() error {
	_, _ = io.CopyN(io.Discard, b.body, 64<<10)
	err := b.body.Close()
	b.cancel()
	return err
}
