package argocd

import (
	"io"
	"net/http"
	"strings"
	"testing"

	settingspkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/settings"
)

// answering connects to a server that gives the same answer to everything.
func answering(t *testing.T, a answer) *Conn {
	t.Helper()
	return dial(t, Server{Address: serve(t, front{}, a), Plaintext: true, Web: true}, Credential{Token: testToken}, Options{})
}

type answer struct {
	status int // 200 when not given
	header map[string]string
	body   string
	cut    bool // the connection is closed after the body
	hang   bool // nothing follows the body until the client goes
	gone   chan struct{}
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.header == nil {
		w.Header().Set("Content-Type", "application/grpc-web+proto")
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
	w.(http.Flusher).Flush()
	if a.hang {
		<-r.Context().Done()
		close(a.gone)
	}
	if a.cut {
		panic(http.ErrAbortHandler)
	}
}

func encoded(t *testing.T, m any) string {
	t.Helper()
	data, err := frame(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWebAnswersOfOthers(t *testing.T) {
	settings := encoded(t, &settingspkg.Settings{URL: "https://argocd.example.com"})
	done := string(framed(0x80, "grpc-status: 0\r\n"))
	html := map[string]string{"Content-Type": "text/html; charset=utf-8"}
	for _, tt := range []struct {
		name   string
		answer answer
		want   error
		says   string
	}{
		{"an answer", answer{body: settings + done}, nil, ""},
		{"a trailer with an empty line at its end", answer{body: settings + string(framed(0x80, "Grpc-Status: 0\r\n\r\n"))}, nil, ""},
		{"bad gateway", answer{status: 502, header: html}, ErrUnavailable,
			"answers 502 Bad Gateway: that is a proxy in front of Argo CD: the Argo CD server is down, or slower than the proxy allows"},
		{"gateway timeout", answer{status: 504, header: html}, ErrUnavailable, "answers 504 Gateway Timeout"},
		{"unavailable", answer{status: 503, header: html}, ErrUnavailable, "answers 503 Service Unavailable"},
		{"login of a proxy", answer{status: 401, header: html}, ErrUnauthenticated,
			"answers 401 Unauthorized: that is a proxy in front of Argo CD, which wants a login of its own: exempt Argo CD's API from it"},
		{"refused by a proxy", answer{status: 403, header: html}, ErrPermission,
			"answers 403 Forbidden: that is a proxy in front of Argo CD, which refuses gRPC-web requests: let it pass them"},
		{"redirect", answer{status: 302, header: map[string]string{"Location": "https://sso.example.com/?state=secret"}}, ErrUnavailable,
			"answers 302 Found, a redirect, instead of gRPC-web: name the address that it leads to"},
		{"a page", answer{header: html, body: "<html>"}, ErrUnavailable, "answers 200 OK with text/html instead of gRPC-web: check that the address leads to the Argo CD server"},
		{"not found", answer{status: 404, header: map[string]string{"Content-Type": ""}}, ErrUnavailable, "answers 404 Not Found with no media type instead of gRPC-web"},
		{"a status in the head", answer{header: map[string]string{"Content-Type": "application/grpc-web", "Grpc-Status": "16", "Grpc-Message": "no%20session"}}, ErrUnauthenticated, "no session"},
		{"OK in the head", answer{header: map[string]string{"Content-Type": "application/grpc-web", "Grpc-Status": "0"}}, ErrUnavailable, "without a message"},
		{"nothing", answer{}, ErrUnavailable, "the answer ended early"},
		{"cut in a frame", answer{body: settings[:9], cut: true}, ErrUnavailable, "the answer ended early: the server or a proxy in front of it closed the connection"},
		{"cut before the status", answer{body: settings, cut: true}, ErrUnavailable, "the answer ended early"},
		{"ended before the status", answer{body: settings}, ErrUnavailable, "the answer ended early"},
		{"two messages", answer{body: settings + settings + done}, ErrUnavailable, "a second message"},
		{"no message", answer{body: done}, ErrUnavailable, "without a message"},
		{"compressed", answer{body: string(framed(1, "xx"))}, ErrUnavailable, "compressed"},
		{"unknown flags", answer{body: string(framed(2, "xx"))}, ErrUnavailable, "unknown flags 0x2"},
		{"no protobuf", answer{body: string(framed(0, "\xff\xff")) + done}, ErrUnavailable, "decode the answer"},
		{"a trailer without status", answer{body: settings + string(framed(0x80, "a: b\r\n"))}, ErrUnavailable, "no valid grpc-status"},
		{"a malformed trailer", answer{body: settings + string(framed(0x80, "grpc-status\r\n"))}, ErrUnavailable, "malformed trailer"},
		{"a message that is too large", answer{body: "\x00\xff\xff\xff\xff"}, ErrTooLarge, "4294967295 vs. 67108864 bytes"},
		{"a trailer that is too large", answer{body: "\x80\x00\xff\xff\xff"}, ErrTooLarge, ""},
		{"the token in a message", answer{body: string(framed(0x80, "grpc-status: 13\r\ngrpc-message: got "+testToken+"\r\n"))}, ErrUnavailable, "got [redacted]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, err := answering(t, tt.answer).BaseURL(t.Context())
			sameErr(t, err, tt.want, tt.says)
			if want := "https://argocd.example.com"; tt.want == nil && url != want {
				t.Errorf("got %q, want %q", url, want)
			}
			if err != nil && strings.Contains(err.Error(), "sso.example.com") {
				t.Errorf("error %q repeats where the redirect leads to, which may be secret", err)
			}
		})
	}
}
