package gitea

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	maxWords = 300
	// defaultPause is for a server that limits requests and does not say until when.
	defaultPause = time.Minute
)

// failure says what was being done when err came from the SDK or net/http, and gives it its sentinel.
func (c *client) failure(doing string, err error) error {
	var (
		u  *url.Error
		js *json.SyntaxError
		jt *json.UnmarshalTypeError
	)
	switch r := said(err); {
	case r != nil:
		return fmt.Errorf("%s: %w", doing, c.refused(r))
	case errors.Is(err, errNotJSON), errors.As(err, &js), errors.As(err, &jt):
		return fmt.Errorf("%s: %w", doing, pullrequest.ErrNotAPI)
	case errors.As(err, &u):
		// The URL adds nothing, and its query may hold what somebody wrote.
		err = u.Err
	}
	return fmt.Errorf("%s: %w", doing, pullrequest.MarkCertificate(err))
}

// refused is what an answer means wherever nothing else is known: by its status only.
func (c *client) refused(r *refusal) error {
	sentinel := pullrequest.ErrRejected
	switch {
	case r.status == http.StatusUnauthorized:
		sentinel = pullrequest.ErrUnauthorized
	case r.status == http.StatusForbidden:
		sentinel = pullrequest.ErrForbidden
	case r.status == http.StatusNotFound, r.status == http.StatusGone:
		sentinel = pullrequest.ErrNotFound
	case r.status == http.StatusTooManyRequests:
		pause := r.retryAfter
		if pause <= 0 {
			pause = defaultPause
		}
		return &pullrequest.LimitError{Until: c.now().Add(pause), Words: r.Error()}
	case r.status == http.StatusRequestTimeout, r.status >= 500:
		return r
	}
	return fmt.Errorf("%w (%w)", sentinel, r)
}

// status of an answer that was refused, or zero.
func status(err error) int {
	if r := said(err); r != nil {
		return r.status
	}
	return 0
}

// said is the refusal in err, without the URL around it, or nil.
func said(err error) *refusal {
	var r *refusal
	errors.As(err, &r)
	return r
}

// show makes a server's words fit for a message: one line, not long, and without the token.
func (t refusing) show(words string) string {
	if t.token != "" {
		words = strings.ReplaceAll(words, t.token, "***")
	}
	words = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(words, ""), func(c rune) bool {
		return unicode.IsSpace(c) || !unicode.IsPrint(c)
	}), " ")
	if len(words) > maxWords {
		words = strings.ToValidUTF8(words[:maxWords], "") + "…"
	}
	return words
}

func seconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 24*60*60 {
		return 0
	}
	return time.Duration(n) * time.Second
}
