package gitrepo

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// bubble has a server in memory. Its clock stands still until everything waits, and the test fails when
// a goroutine is left at its end.
func bubble(t *testing.T, test func(t *testing.T, host *gittest.SSH, o Options)) {
	t.Helper()
	host := gittest.NewSSH(t, "")
	synctest.Test(t, func(t *testing.T) {
		test(t, host, Options{Timeout: time.Minute, Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := gittest.Pipe()
			go host.Serve(far)
			return near, nil
		}})
		synctest.Wait()
	})
}

const memoryURL = "git@git.example.com:acme/catalog.git"

var oneReference = lines(strings.Repeat("1", 40)+" refs/heads/main\x00side-band-64k", "")

// answering serves references, waits for a request and answers it.
func answering(text string) func(string, ssh.Channel) bool {
	return func(_ string, ch ssh.Channel) bool {
		_, _ = io.WriteString(ch, oneReference)
		if n, _ := ch.Read(make([]byte, 4096)); n > 4 {
			_, _ = io.WriteString(ch, text)
		}
		return true
	}
}

func forever(ch ssh.Channel) bool {
	_, _ = io.Copy(io.Discard, ch)
	return true
}

// A server may stop answering at any point. The deadline ends it, and nothing stays behind.
func TestSSHStalls(t *testing.T) {
	cases := map[string]struct {
		dial      func(context.Context, string, string) (net.Conn, error)
		intercept func(string, ssh.Channel) bool
	}{
		"before it says that it is an ssh server": {dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := gittest.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		}},
		"before it accepts the connection": {dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		"before the references": {intercept: func(_ string, ch ssh.Channel) bool { return forever(ch) }},
		"within the references": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, oneReference[:20])
			return forever(ch)
		}},
		"before the answer": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, oneReference)
			return forever(ch)
		}},
		"within the answer": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, oneReference)
			_, _ = ch.Read(make([]byte, 4096))
			_, _ = io.WriteString(ch, "0008NAK\n00")
			return forever(ch)
		}},
	}
	for name, c := range cases {
		for ending, want := range map[string]error{"deadline": context.DeadlineExceeded, "cancelled": context.Canceled} {
			t.Run(name+", "+ending, func(t *testing.T) {
				bubble(t, func(t *testing.T, host *gittest.SSH, o Options) {
					host.Intercept = c.intercept
					if c.dial != nil {
						o.Dial = c.dial
					}
					r := openSSH(t, memoryURL, sshAuth(host), o)
					defer r.Close()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if ending == "cancelled" {
						time.AfterFunc(time.Second, cancel)
					}
					started := time.Now()
					_, err := r.Snapshot(ctx, strings.Repeat("1", 40))
					wantError(t, err, want)
					if took := time.Since(started); took > time.Minute {
						t.Errorf("it took %s", took)
					}
					synctest.Wait()
					if n := host.Connections(); n != 0 {
						t.Errorf("%d connections are left", n)
					}
				})
			})
		}
	}
}

func TestSSHConnectionIsDroppedWhenIdle(t *testing.T) {
	bubble(t, func(t *testing.T, host *gittest.SSH, o Options) {
		host.Intercept = answering("")
		r := openSSH(t, memoryURL, sshAuth(host), o)
		for _, step := range []struct {
			after time.Duration
			login int
		}{{0, 1}, {keepSSH - time.Second, 0}, {keepSSH - time.Second, 0}, {keepSSH + time.Second, 1}} {
			time.Sleep(step.after)
			synctest.Wait()
			if open := step.after > keepSSH; open && host.Connections() != 0 {
				t.Errorf("after %s the connection is still there", step.after)
			}
			if _, err := r.Tip(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := host.Logins(); n != step.login {
				t.Errorf("after %s there were %d logins, want %d", step.after, n, step.login)
			}
		}
		// Nobody calls Close.
		time.Sleep(keepSSH)
		synctest.Wait()
		if n := host.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

func TestSSHClose(t *testing.T) {
	bubble(t, func(t *testing.T, host *gittest.SSH, o Options) {
		var within *Repository
		host.Intercept = func(command string, ch ssh.Channel) bool {
			within.Close() // from another goroutine, while the request is under way
			return answering("")(command, ch)
		}
		r := openSSH(t, memoryURL, sshAuth(host), o)
		within = r
		if _, err := r.Tip(t.Context()); err != nil {
			t.Errorf("Close disturbs a request: %v", err)
		}
		synctest.Wait()
		if n := host.Connections(); n != 0 {
			t.Errorf("%d connections are left after it", n)
		}
		if _, err := r.Tip(t.Context()); err != nil {
			t.Errorf("after Close: %v", err)
		}
	})
}

// What a server says when it turns a request away ends up in the error, and decides what it is.
func TestSSHServerEnds(t *testing.T) {
	cases := map[string]struct {
		intercept func(string, ssh.Channel) bool
		want      error
		words     string
	}{
		"with words on standard error": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch.Stderr(), "remote: \r\nremote: ERROR: The project you were looking for could not be found.\x1b[0m\n")
			return true
		}, want: ErrNotFound, words: "(remote: remote: remote: ERROR: The project you were looking for could not be found.[0m)"},
		"with words that nobody knows": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch.Stderr(), "Internal error.\n")
			return true
		}, want: errAny, words: "git-upload-pack ended before it began (remote: Internal error.)"},
		"without a word": {intercept: func(string, ssh.Channel) bool { return true }, want: errAny, words: "git-upload-pack ended before it began"},
		"with a greeting": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, "Hi there! You've successfully authenticated.\n")
			return true
		}, want: ErrNotGit, words: "not a git repository"},
		"within the references": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, oneReference[:20])
			return true
		}, want: io.ErrUnexpectedEOF, words: "unexpected EOF"},
		"with an error line": {intercept: func(_ string, ch ssh.Channel) bool {
			_, _ = io.WriteString(ch, lines("ERR upload-pack: access denied"))
			return true
		}, want: errAny, words: "server says: upload-pack: access denied"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, host *gittest.SSH, o Options) {
				host.Intercept = c.intercept
				r := openSSH(t, memoryURL, sshAuth(host), o)
				defer r.Close()
				_, err := r.Tip(t.Context())
				if !errors.Is(c.want, errAny) {
					wantError(t, err, c.want)
				}
				if err == nil || !strings.Contains(err.Error(), c.words) {
					t.Errorf("error is %v, want %q in it", err, c.words)
				}
			})
		})
	}
}

// Something listens there, but it is no ssh server.
func TestSSHTalksToSomethingElse(t *testing.T) {
	bubble(t, func(t *testing.T, host *gittest.SSH, o Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := gittest.Pipe()
			go func() {
				_, _ = io.WriteString(far, "HTTP/1.1 400 Bad Request\r\n\r\n")
				_ = far.Close()
			}()
			return near, nil
		}
		r := openSSH(t, memoryURL, sshAuth(host), o)
		_, err := r.Tip(t.Context())
		for _, sentinel := range []error{ErrUnauthorized, ErrHostKey} {
			if err == nil || errors.Is(err, sentinel) {
				t.Errorf("error is %v", err)
			}
		}
	})
}
