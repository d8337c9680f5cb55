package githubdouble

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request.
const maxBody = 1 << 20

// answer is one of the API before it is written. A nil body is none.
type answer struct {
	status int
	header http.Header
	body   any
}

// object is JSON.
type object = map[string]any

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

const documentation = "https://docs.github.com/rest"

// refuse is GitHub's error shape.
func refuse(status int, message string) answer {
	return answer{status: status, body: object{
		"message": message, "documentation_url": documentation, "status": strconv.Itoa(status),
	}}
}

// invalid is GitHub's answer to what it understands but does not accept.
func invalid(errs ...object) answer {
	list := make([]any, len(errs))
	for i, e := range errs {
		list[i] = e
	}
	return answer{status: http.StatusUnprocessableEntity, body: object{
		"message": "Validation Failed", "errors": list, "documentation_url": documentation, "status": "422",
	}}
}

// serveAPI answers one request of REST or GraphQL.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	seen := Request{At: s.now(), Operation: r.Method + " " + r.URL.Path, Conditional: r.Header.Get("If-None-Match") != ""}
	// What the description cannot place is answered as GitHub answers it, and is a violation.
	c, unknown := (*call)(nil), error(nil)
	if r.URL.Path == graphqlPath {
		seen.Operation = "POST /graphql"
	} else if c, unknown = s.description.route(r); unknown == nil {
		seen.Operation, seen.Repository = r.Method+" "+c.template, c.variables["repo"]
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "Payload too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !s.wait(r.Context()) {
		return
	}
	fault := s.fault(r)
	var a answer
	switch {
	case fault != nil && !fault.Done:
	case c != nil:
		a = s.rest(r, c, body)
	case unknown != nil:
		s.violated("%v", unknown)
		a = refuse(http.StatusNotFound, "Not Found")
	default:
		a = s.graphql(r, body)
	}
	if fault != nil {
		a = fault.answer()
	}
	s.write(w, r, a, seen)
}

// wait is the Delay. It is false when the client has gone.
func (s *Server) wait(ctx context.Context) bool {
	s.mu.Lock()
	delay := s.delay
	s.mu.Unlock()
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *Fault) answer() answer {
	a := refuse(f.Status, f.Message)
	if f.Body != "" {
		a.body = json.RawMessage(f.Body)
	}
	a.header = http.Header{}
	for name, value := range f.Header {
		a.header.Set(name, value)
	}
	return a
}

// rest answers a request that is described.
func (s *Server) rest(r *http.Request, c *call, body []byte) answer {
	if err := s.description.checkRequest(r.Context(), c, body); err != nil {
		return s.broken(c, fmt.Errorf("request: %w", err))
	}
	a := s.handle(r, c, body)
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	encoded, err := encode(a.body)
	if err == nil {
		s.limits(a.header)
		err = s.description.checkResponse(r.Context(), c, a, encoded)
	}
	if err != nil {
		return s.broken(c, fmt.Errorf("answer: %w", err))
	}
	return a
}

// broken records a violation and tells the client of it.
func (s *Server) broken(c *call, err error) answer {
	text := strings.Join(strings.Fields(err.Error()), " ")
	s.violated("%s: %s", c.operation, text)
	return refuse(http.StatusInternalServerError, "Not as described: "+text)
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return b, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return out.Bytes(), err
}

// limits are the headers with the budget of requests.
func (s *Server) limits(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Set("X-RateLimit-Limit", strconv.Itoa(hourly))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(hourly-s.spent, 0)))
	h.Set("X-RateLimit-Used", strconv.Itoa(s.spent))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(s.now().Add(time.Hour).Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

// hourly is the budget of a token. The double counts, but refuses nothing: that is for Fail.
const hourly = 5000

// write sends an answer, or 304 for what the client has already, which costs nothing of the budget.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer, seen Request) {
	encoded, err := encode(a.body)
	if err != nil {
		s.violated("%s: %v", seen.Operation, err)
		a.status = http.StatusInternalServerError
	}
	h := w.Header()
	maps.Copy(h, a.header)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("X-GitHub-Enterprise-Version", "3.17.0")
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		sum := sha256.Sum256(encoded)
		h.Set("ETag", `W/"`+hex.EncodeToString(sum[:])+`"`)
		if r.Header.Get("If-None-Match") == h.Get("ETag") {
			a.status, encoded = http.StatusNotModified, nil
			h.Del("Content-Type")
		}
	}
	s.mu.Lock()
	if a.status != http.StatusNotModified {
		s.spent++
	}
	seen.Status = a.status
	s.requests = append(s.requests, seen)
	h.Set("X-GitHub-Request-Id", fmt.Sprintf("%04X:%04X", len(s.requests), s.now().UnixNano()&0xffff))
	s.mu.Unlock()
	if a.status == 0 {
		panic(http.ErrAbortHandler) // what net/http calls the cut of a connection
	}
	w.WriteHeader(a.status)
	if len(encoded) > 0 {
		_, _ = w.Write(encoded)
	}
}

// login finds out who asks. The second value is the refusal.
func (s *Server) login(r *http.Request) (account, *answer) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return account{}, nil
	}
	_, token, _ := strings.Cut(header, " ")
	a, known := s.account(token)
	if !known {
		refusal := refuse(http.StatusUnauthorized, "Bad credentials")
		return account{}, &refusal
	}
	return a, nil
}

// handle does what a request asks for.
func (s *Server) handle(r *http.Request, c *call, body []byte) answer {
	switch c.operation {
	case "meta/get":
		return ok(object{"verifiable_password_authentication": true, "installed_version": "3.17.0"})
	case "apps/create-installation-access-token":
		return s.installationToken(r, c)
	}
	who, refusal := s.login(r)
	if refusal != nil {
		return *refusal
	}
	if c.operation == "rate-limit/get" {
		return s.rateLimit()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	repository := s.repositories[c.variables["repo"]]
	// The repositories are private: nobody else learns that they exist.
	if c.variables["owner"] != owner || repository == nil || who.login == "" {
		return refuse(http.StatusNotFound, "Not Found")
	}
	if r.Method != http.MethodGet && !who.writes {
		return refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	return repository.handle(r, c, who, body)
}

func (s *Server) rateLimit() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	core := object{"limit": hourly, "used": s.spent, "remaining": max(hourly-s.spent, 0), "reset": s.now().Add(time.Hour).Unix()}
	return ok(object{"rate": core, "resources": object{"core": core, "search": core}})
}
