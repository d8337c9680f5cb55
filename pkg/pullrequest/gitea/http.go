package gitea

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	userAgent = "tekton-gitops"
	// maxAnswer bounds an answer: a page of pull requests whose bodies are as long as may be stays below it.
	maxAnswer      = 16 << 20
	maxRefusal     = 64 << 10
	maxRedirects   = 5
	defaultTimeout = 30 * time.Second
	connectTimeout = 15 * time.Second
	idleTimeout    = 90 * time.Second
)

type clockFunc func() time.Time

func clockOf(s pullrequest.Server) clockFunc {
	if s.Clock == nil {
		return clock.RealClock{}.Now
	}
	return s.Clock.Now
}

func newHTTP(s pullrequest.Server) (*http.Client, error) {
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	t := &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connectTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: 2,
		ForceAttemptHTTP2:   true,
	}
	if len(s.CA) > 0 {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(s.CA) {
			return nil, fmt.Errorf("%w: the CA bundle has no PEM certificate", pullrequest.ErrCertificate)
		}
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &http.Client{Transport: refusing{t, s.Auth.Token}, CheckRedirect: stayOnHost, Timeout: timeout}, nil
}

// stayOnHost follows a server that knows the new name of a repository, and nobody else: the token belongs to one host.
func stayOnHost(next *http.Request, via []*http.Request) error {
	from, to := via[0].URL, next.URL
	if strings.EqualFold(from.Host, to.Host) && from.Scheme == to.Scheme && len(via) <= maxRedirects {
		return nil
	}
	return fmt.Errorf("%w: it redirects to %s://%s; give that address if you trust it", pullrequest.ErrURL, to.Scheme, to.Host)
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	// words are the server's, if it speaks JSON as Gitea does.
	words string
	// retryAfter is what the header says, if it is a number of seconds.
	retryAfter time.Duration
}

func (r *refusal) Error() string {
	if r.words == "" {
		return fmt.Sprintf("HTTP %d", r.status)
	}
	return fmt.Sprintf("HTTP %d: %s", r.status, r.words)
}

// errNotJSON: a success without the API's content type is somebody else's.
var errNotJSON = errors.New("the answer is not JSON")

// refusing turns an answer that is no success into an error. The SDK gives texts instead, some without the server's words,
// and reads answers of any length.
type refusing struct {
	next  http.RoundTripper
	token string
}

func (t refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch code := response.StatusCode; {
	case code >= 400:
		defer response.Body.Close()
		return nil, t.refused(response, kind)
	case code < 300 && response.ContentLength != 0 && kind != "" && kind != "application/json":
		response.Body.Close()
		return nil, errNotJSON
	}
	response.Body = &bounded{response.Body, maxAnswer}
	return response, nil
}

func (t refusing) refused(response *http.Response, kind string) *refusal {
	r := &refusal{status: response.StatusCode, retryAfter: seconds(response.Header.Get("Retry-After"))}
	if kind != "application/json" {
		return r
	}
	var said struct {
		Message string `json:"message"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxRefusal)).Decode(&said); err == nil {
		r.words = t.show(said.Message)
	}
	return r
}

// bounded refuses to read more than a limit.
type bounded struct {
	io.ReadCloser
	left int64
}

var errTooLong = errors.New("the answer is too long")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
