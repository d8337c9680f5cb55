package githubdouble

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Delay lets every answer of the API take that long.
func (s *Server) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Request is one that the API has had.
type Request struct {
	At time.Time
	// Operation is the method and the path's template, without prefix: GET /repos/{owner}/{repo}/pulls.
	Operation string
	// Repository is the name of it; empty where the path has none.
	Repository string
	// Conditional: with If-None-Match.
	Conditional bool
	// Status is that of the answer; 0 when the connection was cut.
	Status int
}

// Requests are all requests so far, in the order of their answers.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count is how many requests there were.
type Count struct{ All, Conditional, NotModified int }

// Counts are the requests so far, by Operation.
func (s *Server) Counts() map[string]Count {
	counts := map[string]Count{}
	for _, r := range s.Requests() {
		c := counts[r.Operation]
		c.All++
		if r.Conditional {
			c.Conditional++
		}
		if r.Status == http.StatusNotModified {
			c.NotModified++
		}
		counts[r.Operation] = c
	}
	return counts
}

// Fault is what some requests get instead of their answer.
type Fault struct {
	// Match is a regular expression for the method and the path with its query: "GET /api/v3/repos/acme/app/pulls".
	Match string
	// Times is how many requests get it.
	Times int
	// Status of the answer; 0 cuts the connection.
	Status int
	Header map[string]string
	// Body is the answer's; where it is empty, GitHub's error shape with Message.
	Body, Message string
	// Done: the request is carried out all the same, and only its answer is lost.
	Done bool

	match *regexp.Regexp
}

// Fail lets requests fail. Of several faults that match, the first given is used up first.
func (s *Server) Fail(f Fault) error {
	match, err := regexp.Compile(f.Match)
	if err != nil {
		return err
	}
	f.match = match
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// fault takes the fault for a request, if there is one.
func (s *Server) fault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 && f.match.MatchString(r.Method+" "+r.URL.RequestURI()) {
			f.Times--
			return f
		}
	}
	return nil
}
