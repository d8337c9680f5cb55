package gitrepo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// session is one run of a service on the server. A single goroutine uses it; another one collects what
// it prints to standard error, and ends when the session or the connection does.
type session struct {
	service string
	channel ssh.Channel
	out     *bufio.Reader

	// asked: a request was sent. heard: something came on standard output since then, or since the start.
	asked, heard bool

	done   chan struct{} // closed once nothing more can come
	said   capped        // on standard error; read it after done
	status *uint32       // exit status, nil if the server did not tell; read it after done
}

// startSession runs a service for a repository. Its error is errNoAnswer when the connection is no good.
func startSession(client *ssh.Client, service, path string) (*session, error) {
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	s := &session{service: service, channel: channel, done: make(chan struct{})}
	s.out = bufio.NewReader(stdout{s})
	go s.listen(requests)
	command := ssh.Marshal(struct{ Line string }{commandLine(service, path)})
	accepted, err := channel.SendRequest("exec", true, command)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	case !accepted:
		err = fmt.Errorf("the ssh server refuses to run %s", service)
	default:
		return s, nil
	}
	s.abort()
	return nil, err
}

// commandLine makes a word of a shell out of the path the way git does (sq_quote_buf in quote.c): forges
// that have no shell understand exactly that.
func commandLine(service, path string) string {
	return service + " '" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

func (s *session) listen(requests <-chan *ssh.Request) {
	var stderr sync.WaitGroup
	stderr.Go(func() { _, _ = io.Copy(&s.said, s.channel.Stderr()) })
	for r := range requests {
		var exit struct{ Status uint32 }
		if r.Type == "exit-status" && ssh.Unmarshal(r.Payload, &exit) == nil {
			s.status = &exit.Status
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
	stderr.Wait()
	close(s.done)
}

// send writes a request and waits for the answer to begin.
func (s *session) send(request []byte) error {
	s.asked, s.heard = true, false
	_, err := s.channel.Write(request)
	if err == nil && s.service == receivePack {
		err = s.channel.CloseWrite()
	}
	if err != nil {
		// The server has closed its end: what it said about that is worth more than this error.
		if why := s.ended(); !errors.Is(why, io.EOF) {
			return why
		}
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if _, err = s.out.Peek(1); errors.Is(err, io.EOF) {
		return nil // the reader of the answer names it
	}
	return err
}

// Read gives the service's output. The end of it is io.EOF only if the service had nothing to complain
// about.
func (s *session) Read(p []byte) (int, error) { return s.out.Read(p) }

type stdout struct{ *session }

func (o stdout) Read(p []byte) (int, error) {
	n, err := o.channel.Read(p)
	o.heard = o.heard || n > 0
	if n == 0 && errors.Is(err, io.EOF) {
		err = o.ended()
	}
	return n, err
}

// ended says why there is no more output. It waits for the server's last words, which come on another
// stream.
func (s *session) ended() error {
	<-s.done
	said := clean(s.said.String(), maxWords)
	switch {
	case s.status == nil && said == "" && !s.heard:
		return errNoAnswer
	case s.status == nil && said == "":
		return io.ErrUnexpectedEOF
	case !s.asked && !s.heard:
		return turnedAway(s.service, said)
	case s.status != nil && *s.status == 0:
		return io.EOF
	case s.service == uploadPack:
		return &refusal{text: said}
	}
	return fmt.Errorf("%s failed on the server%s", s.service, remark(said))
}

// quit tells a service that is waiting for a request that there will be none.
func (s *session) quit() {
	_, _ = io.WriteString(s.channel, "0000")
	s.abort()
}

// abort ends the session, wherever it is.
func (s *session) abort() { _ = s.channel.Close() }
