package gitserver

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshServer serves the repositories over ssh. It has two host keys, of which KnownHosts tells one.
type sshServer struct {
	options    Options
	env        []string
	config     *ssh.ServerConfig
	listener   net.Listener
	knownHosts string

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// refusalFile in a repository's directory refuses every ssh session with its text.
const refusalFile = "refuse-ssh"

// startSSH makes keys for the accounts and listens.
func startSSH(o Options, env []string) (s *sshServer, writer, reader string, err error) {
	s = &sshServer{options: o, env: env, conns: map[net.Conn]bool{}, config: &ssh.ServerConfig{}}
	writerKey, writer, err := newKey("writer")
	if err != nil {
		return nil, "", "", err
	}
	readerKey, reader, err := newKey("reader")
	if err != nil {
		return nil, "", "", err
	}
	accounts := map[string]string{string(writerKey.Marshal()): "writer", string(readerKey.Marshal()): "reader"}
	s.config.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if account := accounts[string(key.Marshal())]; account != "" {
			return &ssh.Permissions{Extensions: map[string]string{"account": account}}, nil
		}
		return nil, errors.New("unknown key")
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, "", "", err
	}
	if err := s.addHostKeys(); err != nil {
		return nil, "", "", errors.Join(err, s.listener.Close())
	}
	go s.accept()
	return s, writer, reader, nil
}

func newKey(comment string) (ssh.PublicKey, string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, "", err
	}
	key, err := ssh.NewPublicKey(public)
	return key, string(pem.EncodeToMemory(block)), err
}

func (s *sshServer) addHostKeys() error {
	_, told, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	untold, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	for _, key := range []any{told, untold} {
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return err
		}
		s.config.AddHostKey(signer)
		if s.knownHosts != "" {
			continue
		}
		_, port, _ := net.SplitHostPort(s.listener.Addr().String())
		var names []string
		for _, host := range Hosts() {
			names = append(names, "["+host+"]:"+port)
		}
		s.knownHosts = strings.Join(names, ",") + " " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	}
	return nil
}

func (s *sshServer) url() string { return "ssh://git@" + s.listener.Addr().String() }

// close ends the server and the sessions that are under way.
func (s *sshServer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	return s.listener.Close()
}

func (s *sshServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

// track keeps the connection for close, unless that was called already.
func (s *sshServer) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[conn] = true
	}
	return !s.closed
}

func (s *sshServer) serve(under net.Conn) {
	defer func() {
		_ = under.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, under)
	}()
	if !s.track(under) {
		return
	}
	conn, channels, requests, err := ssh.NewServerConn(under, s.config)
	if err != nil {
		s.log("", "login", 255, s.options.Now())
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go s.session(conn.Permissions.Extensions["account"], channel, requests)
	}
}

// session runs one command and ends.
func (s *sshServer) session(account string, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var command struct{ Line string }
		if request.Type != "exec" || ssh.Unmarshal(request.Payload, &command) != nil {
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		go ssh.DiscardRequests(requests)
		started := s.options.Now()
		status := s.run(account, command.Line, channel)
		s.log(account, command.Line, status, started)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

func (s *sshServer) log(account, line string, status uint32, started time.Time) {
	_, _ = fmt.Fprintf(s.options.Log, "%s SSH %s user=%q status=%d duration=%s\n", started.UTC().Format(time.RFC3339Nano),
		line, account, status, s.options.Now().Sub(started).Round(time.Millisecond))
}

// commandForm is how git calls a service; it quotes the path for a shell.
var commandForm = regexp.MustCompile(`^(git-(?:upload|receive)-pack) '(.*)'$`)

func (s *sshServer) run(account, line string, channel ssh.Channel) uint32 {
	refuse := func(text string) uint32 {
		_, _ = io.WriteString(channel.Stderr(), strings.TrimRight(text, "\n")+"\n")
		return 1
	}
	match := commandForm.FindStringSubmatch(line)
	if match == nil {
		return refuse("only git may be run here")
	}
	name := strings.NewReplacer(`'\''`, "'", `'\!'`, "!").Replace(match[2])
	dir := filepath.Join(s.options.Root, filepath.FromSlash(path.Clean("/"+name)))
	if text, err := os.ReadFile(filepath.Join(dir, refusalFile)); err == nil {
		return refuse(string(text))
	}
	if match[1] == "git-receive-pack" && account != "writer" {
		return refuse("ERROR: The key you are authenticating with has been marked as read only.")
	}
	cmd := exec.Command("git", strings.TrimPrefix(match[1], "git-"), dir)
	cmd.Env = append(s.env[:len(s.env):len(s.env)], "REMOTE_USER="+account, "PATH="+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return refuse(err.Error())
	}
	// Not waited for: it ends with the channel.
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return uint32(max(exit.ExitCode(), 1))
	}
	return 0
}
