package githubdouble

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The GitHub App that is installed for all repositories.
const (
	AppID          = 4711
	InstallationID = 815
)

// app has the App's key, which is made when it is first asked for: that takes a while.
type app struct {
	key func() (*rsa.PrivateKey, error)
}

func newApp() app {
	return app{sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })}
}

// AppKey is the App's private key, in PEM.
func (s *Server) AppKey() ([]byte, error) {
	key, err := s.app.key()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}

// verify checks the JSON Web Token of an App, by the rules in "Generating a JSON Web Token (JWT) for a GitHub App" of
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app.
func (a app) verify(token string, now time.Time) error {
	key, err := a.key()
	if err != nil {
		return err
	}
	signed, signature, _ := cutLast(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], raw); err != nil {
		return err
	}
	_, payload, _ := strings.Cut(signed, ".")
	if raw, err = base64.RawURLEncoding.DecodeString(payload); err != nil {
		return err
	}
	var claims struct {
		Issuer  any     `json:"iss"`
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if err := decode(raw, &claims); err != nil {
		return err
	}
	seconds := float64(now.Unix())
	switch {
	case fmt.Sprint(claims.Issuer) != strconv.Itoa(AppID):
		return errors.New("'Issuer' claim ('iss') must be the App's id")
	case claims.Issued > seconds:
		return errors.New("'Issued at' claim ('iat') must be in the past")
	case claims.Expires < seconds || claims.Expires > seconds+660:
		return errors.New("'Expiration time' claim ('exp') is too far in the future, or over")
	}
	return nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// installationToken gives the App a token for an hour.
func (s *Server) installationToken(r *http.Request, c *call) answer {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if err := s.app.verify(token, s.now()); err != nil {
		return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded: "+err.Error())
	}
	if c.variables["installation_id"] != strconv.Itoa(InstallationID) {
		return refuse(http.StatusNotFound, "Integration not found")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	expires := s.now().Add(time.Hour)
	issued := fmt.Sprintf("ghs_0000installation%d", len(s.accounts))
	s.accounts[issued] = account{login: "deploy-app[bot]", writes: true, expires: expires}
	return created(object{
		"token": issued, "expires_at": date(expires), "repository_selection": "all",
		"permissions": object{"contents": "write", "pull_requests": "write", "metadata": "read"},
	})
}
