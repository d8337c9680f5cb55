package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	gh "github.com/google/go-github/v60/github"
	"k8s.io/utils/clock"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// installationError is why an App got no token.
type installationError struct{ err error }

func (e *installationError) Error() string { return "no token for the GitHub App: " + e.err.Error() }
func (e *installationError) Unwrap() error { return e.err }

// graphqlError is the first of the errors of an answer that HTTP calls a success.
type graphqlError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	header  http.Header
}

func (e *graphqlError) Error() string { return e.Message }

// fault is an error whose text is fit to be shown; what it wraps may not be.
type fault struct {
	text string
	err  error
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.err }

// fail is how errors leave this package, so that none gets out without its sentinel, and no text unchecked.
func fail(doing string, s pullrequest.Server, err error) error {
	var done *fault
	if errors.As(err, &done) {
		return err
	}
	var now clock.PassiveClock = clock.RealClock{}
	if s.Clock != nil {
		now = s.Clock
	}
	err = explain(err, now.Now())
	return &fault{text: redact(s.Auth, doing+": "+err.Error()), err: err}
}

// explain finds the sentinel of an error. What has none is transient.
func explain(err error, now time.Time) error {
	var (
		app      *installationError
		rate     *gh.RateLimitError
		abuse    *gh.AbuseRateLimitError
		otp      *gh.TwoFactorAuthError
		accepted *gh.AcceptedError
		answer   *gh.ErrorResponse
		graphql  *graphqlError
	)
	switch {
	case errors.As(err, &app):
		return explainApp(app.err, now)
	case errors.As(err, &rate):
		return primaryLimit(rate, now)
	case errors.As(err, &abuse):
		return secondaryLimit(abuse, now)
	case errors.As(err, &otp):
		return fmt.Errorf("%w: a token is needed, not a password", pullrequest.ErrUnauthorized)
	case errors.As(err, &accepted):
		return errors.New("GitHub is still working on the answer")
	case errors.As(err, &answer):
		return explainAnswer(answer, now)
	case errors.As(err, &graphql):
		return explainGraphQL(graphql, now)
	}
	return explainNoAnswer(err)
}

func explainNoAnswer(err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errTooLarge):
		return transportError(err)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return fmt.Errorf("%w: the answer is not GitHub's JSON", pullrequest.ErrNotAPI)
	}
	return transportError(err)
}

// explainApp is for the answers of POST /app/installations/ID/access_tokens, where a status says more than elsewhere.
func explainApp(err error, now time.Time) error {
	var answer *gh.ErrorResponse
	if !errors.As(err, &answer) || answer.Response == nil {
		return explain(err, now)
	}
	said := wordsOf(answer)
	switch answer.Response.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: the ID and the private key are not of the same GitHub App: %s", pullrequest.ErrUnauthorized, said)
	case http.StatusNotFound:
		return fmt.Errorf("%w: the GitHub App has no such installation: %s", pullrequest.ErrUnauthorized, said)
	case http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: the installation of the GitHub App does not include the repository: %s", pullrequest.ErrNotFound, said)
	}
	return explain(err, now)
}

func explainAnswer(e *gh.ErrorResponse, now time.Time) error {
	if e.Response == nil {
		return errors.New(wordsOf(e))
	}
	said, status := wordsOf(e), e.Response.StatusCode
	if limit := limitOf(status, e.Response.Header, said, now); limit != nil {
		return limit
	}
	if status >= http.StatusInternalServerError || status == http.StatusRequestTimeout || passing(said) {
		return fmt.Errorf("HTTP %d: %s", status, said)
	}
	return fmt.Errorf("%w: %s", sentinelOf(e, said), said)
}

// sentinelOf prefers GitHub's words: one status stands for many reasons.
func sentinelOf(e *gh.ErrorResponse, said string) error {
	if sentinel := meaning(said); sentinel != nil {
		return sentinel
	}
	for _, field := range e.Errors {
		if field.Field == "base" && field.Code == "invalid" {
			return pullrequest.ErrBaseNotFound
		}
	}
	switch e.Response.StatusCode {
	case http.StatusUnauthorized:
		return pullrequest.ErrUnauthorized
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return pullrequest.ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		if e.Message == "" {
			return pullrequest.ErrNotAPI
		}
		return pullrequest.ErrNotFound
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return pullrequest.ErrURL
	}
	return pullrequest.ErrRejected
}

func explainGraphQL(e *graphqlError, now time.Time) error {
	said := clean(e.Message)
	if e.Type == "RATE_LIMITED" {
		if limit := limitOf(http.StatusTooManyRequests, e.header, said, now); limit != nil {
			return limit
		}
	}
	sentinel := meaning(said)
	switch {
	case passing(said):
		return errors.New(said)
	case sentinel != nil:
	case e.Type == "FORBIDDEN" || e.Type == "INSUFFICIENT_SCOPES":
		sentinel = pullrequest.ErrForbidden
	case e.Type == "NOT_FOUND":
		sentinel = pullrequest.ErrNotFound
	default:
		sentinel = pullrequest.ErrRejected
	}
	return fmt.Errorf("%w: %s", sentinel, said)
}

// The rules of https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api, "Handle rate limit
// errors appropriately".
const (
	minLimit = time.Minute // where GitHub does not say how long
	maxLimit = time.Hour   // a window of the primary limit; later is a mistake of somebody's clock

	primaryWords   = "API rate limit exceeded"
	secondaryWords = "secondary rate limit exceeded"
)

// limitOf is nil for a refusal that is no limit. The words of a limit are not GitHub's: those have a request's ID in them.
func limitOf(status int, h http.Header, said string, now time.Time) error {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests && !tooQuick(said) {
		return nil
	}
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
		return limit(now, time.Duration(seconds)*time.Second, secondaryWords)
	}
	switch {
	case h.Get("X-Ratelimit-Remaining") == "0":
		return limit(now, untilReset(h, now), primaryWords)
	case status == http.StatusTooManyRequests || tooQuick(said):
		return limit(now, minLimit, secondaryWords)
	}
	return nil
}

// untilReset takes the distance on GitHub's own clock when the answer has it.
func untilReset(h http.Header, now time.Time) time.Duration {
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return minLimit
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return time.Unix(reset, 0).Sub(now)
}

func limit(now time.Time, wait time.Duration, words string) error {
	return &pullrequest.LimitError{Until: now.Add(min(max(wait, time.Second), maxLimit)), Words: words}
}

// primaryLimit is also what go-github gives without asking, once an answer has said that nothing is left.
func primaryLimit(e *gh.RateLimitError, now time.Time) error {
	if e.Response != nil && e.Response.Header.Get("X-Ratelimit-Reset") != "" {
		return limitOf(http.StatusForbidden, e.Response.Header, "", now)
	}
	return limit(now, e.Rate.Reset.Sub(now), primaryWords)
}

// secondaryLimit does not take go-github's word for a real answer: that is the reset of the primary limit, up to an hour away.
func secondaryLimit(e *gh.AbuseRateLimitError, now time.Time) error {
	if e.Response != nil && len(e.Response.Header) > 0 {
		return limitOf(http.StatusTooManyRequests, e.Response.Header, "", now)
	}
	if e.RetryAfter == nil {
		return limit(now, minLimit, secondaryWords)
	}
	return limit(now, *e.RetryAfter, secondaryWords)
}
