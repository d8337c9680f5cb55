package github

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// transient stands for no sentinel.
var transient error

func sentinels() []error {
	return []error{
		pullrequest.ErrURL, pullrequest.ErrKey, pullrequest.ErrCertificate, pullrequest.ErrNotAPI, pullrequest.ErrNotFound,
		pullrequest.ErrBaseNotFound, pullrequest.ErrUnauthorized, pullrequest.ErrForbidden, pullrequest.ErrExists,
		pullrequest.ErrNoDifference, pullrequest.ErrHeadMoved, pullrequest.ErrUnsupported, pullrequest.ErrRejected,
	}
}

// wantError fails unless err has just this sentinel.
func wantError(t *testing.T, want, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", want)
	}
	for _, s := range sentinels() {
		if got := errors.Is(err, s); got != (want != nil && errors.Is(want, s)) {
			t.Errorf("errors.Is(%v, %q) = %v", err, s, got)
		}
	}
	if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "ghs_") {
		t.Errorf("the error has a token in it: %v", err)
	}
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   error
		text   string
	}{
		"wrong token": {refusal(401, "Bad credentials", ""), pullrequest.ErrUnauthorized, "Bad credentials"},
		"a password with a second factor": {
			answer{status: 401, header: map[string]string{"X-GitHub-OTP": "required; app"}, body: `{"message": "Must specify two-factor authentication OTP code."}`},
			pullrequest.ErrUnauthorized, "a token is needed, not a password"},
		"token without the permission": {refusal(403, "Resource not accessible by personal access token", ""),
			pullrequest.ErrForbidden, "Resource not accessible by personal access token"},
		"repository is archived": {refusal(403, "Repository was archived so is read-only.", ""),
			pullrequest.ErrUnsupported, "Repository was archived so is read-only."},
		"blocked by law": {refusal(451, "Repository access blocked", ""), pullrequest.ErrForbidden, "Repository access blocked"},
		"not there":      {refusal(404, "Not Found", ""), pullrequest.ErrNotFound, "Not Found"},
		"gone":           {refusal(410, "Gone", ""), pullrequest.ErrNotFound, "Gone"},
		"not there, on a web server": {answer{status: 404, body: "<html>no such page</html>"},
			pullrequest.ErrNotAPI, "no explanation"},
		"a page instead of JSON": {answer{body: "<html>log in</html>"}, pullrequest.ErrNotAPI, "the answer is not GitHub's JSON"},
		"JSON of something else": {answer{body: `["a"]`}, pullrequest.ErrNotAPI, "the answer is not GitHub's JSON"},
		"exists": {refusal(422, "Validation Failed", `{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for octo:deploy."}`),
			pullrequest.ErrExists, "A pull request already exists for octo:deploy."},
		"nothing to merge": {refusal(422, "Validation Failed", `{"resource": "PullRequest", "code": "custom", "message": "No commits between main and deploy"}`),
			pullrequest.ErrNoDifference, "No commits between main and deploy"},
		"no such base": {refusal(422, "Validation Failed", `{"resource": "PullRequest", "field": "base", "code": "invalid"}`),
			pullrequest.ErrBaseNotFound, "base is invalid"},
		"no such head": {refusal(422, "Validation Failed", `{"resource": "PullRequest", "field": "head", "code": "invalid"}`),
			pullrequest.ErrRejected, "head is invalid"},
		"no drafts": {refusal(422, "Draft pull requests are not supported in this repository.", ""),
			pullrequest.ErrUnsupported, "Draft pull requests are not supported in this repository."},
		"details are plain strings": {refusal(422, "Validation Failed", `"title is too long", "body is too long"`),
			pullrequest.ErrRejected, "title is too long; body is too long"},
		"several lines":                {refusal(422, "one\n two\x1b[31m", ""), pullrequest.ErrRejected, "one two[31m"},
		"conflict":                     {refusal(409, "Git Repository is empty.", ""), pullrequest.ErrRejected, "Git Repository is empty."},
		"server is broken":             {refusal(502, "Server Error", ""), transient, "HTTP 502: Server Error"},
		"server is broken, as a page":  {answer{status: 503, body: "<html>Unicorn!</html>"}, transient, "HTTP 503: no explanation"},
		"answer is cut":                {answer{body: `{"number": 7,`}, transient, "unexpected EOF"},
		"not yet":                      {answer{status: 202, body: `{}`}, transient, "GitHub is still working on the answer"},
		"the server repeats the token": {refusal(403, "no "+testToken+" here, nor ghs_abcdefghij0123456789", ""), pullrequest.ErrForbidden, "no [redacted] here, nor [redacted]"},
		"moved, and does not say where": {answer{status: 301, body: `{"message": "Moved Permanently"}`},
			pullrequest.ErrURL, "Moved Permanently"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, routes{prRoute: {tt.answer}}).client().Get(t.Context(), 7)
			wantError(t, tt.want, err)
			want := "read pull request 7: " + tt.text
			if tt.want != nil {
				want = "read pull request 7: " + tt.want.Error() + ": " + tt.text
			}
			if diff := cmp.Diff(want, text(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	reset := strconv.FormatInt(testNow.Add(20*time.Minute).Unix(), 10)
	date := testNow.Format(http.TimeFormat)
	secondary := `{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID ABCD.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	used := `{"message": "API rate limit exceeded for user ID 1.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}`
	for name, tt := range map[string]struct {
		answer answer
		wait   time.Duration
		words  string
	}{
		"primary": {answer{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Date": date}, used},
			20 * time.Minute, "API rate limit exceeded"},
		"primary with 429": {answer{429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Date": date}, used},
			20 * time.Minute, "API rate limit exceeded"},
		"primary, and GitHub's clock is 10 minutes ahead": {answer{429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset,
			"Date": testNow.Add(10 * time.Minute).Format(http.TimeFormat)}, used}, 10 * time.Minute, "API rate limit exceeded"},
		"primary that ends now": {answer{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(testNow.Unix(), 10), "Date": date}, used},
			time.Second, "API rate limit exceeded"},
		"primary of another century": {answer{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999", "Date": date}, used},
			time.Hour, "API rate limit exceeded"},
		"secondary with a time": {answer{403, map[string]string{"Retry-After": "90", "X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": reset}, secondary},
			90 * time.Second, "secondary rate limit exceeded"},
		"secondary with a time and 429": {answer{429, map[string]string{"Retry-After": "90"}, secondary},
			90 * time.Second, "secondary rate limit exceeded"},
		"a gateway's 429 without words": {answer{429, nil, ""}, time.Minute, "secondary rate limit exceeded"},
		"secondary without a time": {answer{403, nil, `{"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://docs.github.com/en/rest"}`},
			time.Minute, "secondary rate limit exceeded"},
		"secondary without a time, known by its page": {answer{403, nil, secondary}, time.Minute, "secondary rate limit exceeded"},
		"secondary without a time, while the primary one is far away": {answer{403, map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": reset}, secondary},
			time.Minute, "secondary rate limit exceeded"},
		"too many created": {refusal(422, "Validation Failed", `{"resource": "PullRequest", "code": "custom", "message": "was submitted too quickly"}`),
			time.Minute, "secondary rate limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, routes{prRoute: {tt.answer}}).client().Get(t.Context(), 7)
			wantError(t, transient, err)
			var limit *pullrequest.LimitError
			if !errors.As(err, &limit) {
				t.Fatalf("not a limit: %v", err)
			}
			want := &pullrequest.LimitError{Until: testNow.Add(tt.wait), Words: tt.words}
			if diff := cmp.Diff(want, limit); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Go-github keeps what it was told, and then answers itself.
func TestLimitWithoutAsking(t *testing.T) {
	until := time.Now().Add(30 * time.Minute).Truncate(time.Second)
	for name, first := range map[string]answer{
		"primary": {header: map[string]string{
			"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(until.Unix(), 10)}, body: prJSON(7, "")},
		"secondary": {status: 403, header: map[string]string{"Retry-After": "1800"},
			body: `{"message": "slow down", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{prRoute: {first}})
			s := g.server()
			s.Clock = nil
			c := mustOpen(t, s)
			_, _ = c.Get(t.Context(), 7)
			_, err := c.Get(t.Context(), 7)
			var limit *pullrequest.LimitError
			if !errors.As(err, &limit) {
				t.Fatalf("not a limit: %v", err)
			}
			if off := limit.Until.Sub(until).Abs(); off > 5*time.Second {
				t.Errorf("until %v, want %v", limit.Until, until)
			}
			if diff := cmp.Diff([]string{prRoute}, g.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
