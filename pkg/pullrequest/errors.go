package pullrequest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Errors that the caller can tell apart with errors.Is. Any other error is transient.
var (
	// ErrURL: the address of the API, or the repository's in it, cannot be used.
	ErrURL = errors.New("invalid address of the git host's API")
	// ErrKey: the private key of an App cannot be read.
	ErrKey = errors.New("private key not usable")
	// ErrCertificate: the server's certificate, or the CA bundle to check it with, is not acceptable.
	ErrCertificate = errors.New("certificate not accepted")
	// ErrNotAPI: something answers there that is not the API of this kind of host.
	ErrNotAPI = errors.New("not the API of a git host of this kind")
	// ErrNotFound: no such repository or pull request, or the credentials may not see it.
	ErrNotFound = errors.New("not found on the git host")
	// ErrBaseNotFound: the repository has no such branch to merge into.
	ErrBaseNotFound = errors.New("base branch not found")
	// ErrUnauthorized: the credentials are missing, wrong or expired.
	ErrUnauthorized = errors.New("the git host did not accept the credentials")
	// ErrForbidden: the credentials are known but do not permit this.
	ErrForbidden = errors.New("the credentials do not permit this on the git host")
	// ErrExists: there is one for this branch already.
	ErrExists = errors.New("pull request exists already")
	// ErrNoDifference: the branch has nothing that the base has not.
	ErrNoDifference = errors.New("nothing to merge")
	// ErrHeadMoved: the pull request's branch is not at the commit that was named.
	ErrHeadMoved = errors.New("the pull request has other commits")
	// ErrUnsupported: this host, or this repository's settings, do not permit what was asked for.
	ErrUnsupported = errors.New("not supported by this repository or git host")
	// ErrRejected: the host refused; the text has its words.
	ErrRejected = errors.New("the git host refused it")
)

// MarkCertificate makes an ErrCertificate of a handshake that failed for the server's certificate, for providers. Other
// errors are left as they are.
func MarkCertificate(err error) error {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w: %w: put the certificate of that authority into the Secret as ca.crt", ErrCertificate, err)
	case errors.As(err, &verify), errors.As(err, &host), errors.As(err, &invalid):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return err
}

// LimitError says that the host wants fewer requests. It is transient.
type LimitError struct {
	// Until is when to try again at the earliest, on the caller's clock.
	Until time.Time
	// Words are the host's.
	Words string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the git host limits requests until %s: %s", e.Until.UTC().Format(time.RFC3339), e.Words)
}
