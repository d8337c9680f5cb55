package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Argo CD tells several failures apart by their text only. These are the texts,
// with where 2.14.21 writes them. They are looked for in lower case: the first
// letters have changed between versions.
const (
	textPermission  = "permission denied"                        // server/application/application.go:76, also common/common.go:442
	textVerb        = "permission denied: "                      // util/rbac/rbac.go:309, EnforceErr: "permission denied: applications, sync, default/app, sub: …, iat: …"
	textSyncWindow  = "blocked by sync window"                   // server/application/application.go:1934
	textBadWindow   = "invalid sync window"                      // server/application/application.go:1931
	textInProgress  = "another operation is already in progress" // util/argo/argo.go:39
	textAutoSync    = "auto-sync currently set to"               // server/application/application.go:2043 and 2058
	textDeleting    = "application is deleting"                  // server/application/application.go:1950
	textProject     = "app is not allowed in project"            // server/application/application.go:1060
	textNoResource  = "not found as part of application"         // server/application/application.go:1382
	textAppNotFound = "applications.argoproj.io "                // server/application/application.go:189, a Kubernetes NotFound error
	textRefresh     = "application refresh deadline exceeded"    // server/application/application.go:802
	textOpBlocked   = "sync operation blocked by sync window"    // controller/sync.go:180, a message of a running operation
	textGaveUp      = "manifest generation error (cached)"       // reposerver/repository/repository.go:69: it failed several times for this revision and is not tried again
	textNoScript    = "error getting lua resource action"        // server/application/application.go:2460
	textNoOperation = "no operation is in progress"              // server/application/application.go:2317
	textTooLarge    = "received message larger than max"         // google.golang.org/grpc/rpc_util.go
)

// classify turns the error of a call into one of this package's. ctx is the
// caller's: its own end is reported as such.
func (c *Conn) classify(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s: %w", what, cause)
	}
	var kind error
	st, isStatus := status.FromError(err)
	switch {
	case !isStatus:
		return fmt.Errorf("%s: %w", what, err)
	case st.Code() == codes.Unavailable && c.ch.tls.failure() != nil:
		return fmt.Errorf("%s: %w", what, c.ch.tls.failure())
	case st.Code() == codes.PermissionDenied:
		if denied := permission(st.Message()); denied != nil {
			return fmt.Errorf("%s: %w", what, denied)
		}
		kind = ErrPermission
		if says(st.Message(), textSyncWindow) || says(st.Message(), textBadWindow) {
			kind = ErrSyncWindow
		}
	default:
		kind = sentinel(st.Code(), st.Message())
	}
	return fmt.Errorf("%s: %w: %s", what, kind, c.clean(st.Message()))
}

// says looks for one of the texts above.
func says(message, text string) bool {
	return strings.Contains(strings.ToLower(message), text)
}

// nothingRuns reads the answer to a termination that came too late.
func nothingRuns(err error) bool { return says(status.Convert(err).Message(), textNoOperation) }

// sentinel maps a status other than PermissionDenied.
func sentinel(code codes.Code, message string) error {
	switch code {
	case codes.Unauthenticated:
		return ErrUnauthenticated
	case codes.NotFound:
		if says(message, textAppNotFound) {
			return ErrNotFound
		}
		return ErrResourceNotFound
	case codes.FailedPrecondition:
		switch {
		case says(message, textInProgress):
			return ErrOperationInProgress
		case says(message, textAutoSync):
			return ErrAutoSyncRevision
		case says(message, textDeleting):
			return ErrDeleting
		}
	case codes.InvalidArgument:
		switch {
		case says(message, textProject):
			return ErrProject
		case says(message, textNoResource):
			return ErrResourceNotFound
		}
	case codes.Unknown:
		switch {
		case says(message, textBadWindow):
			return ErrSyncWindow
		case says(message, textNoScript):
			return ErrNoRestart
		}
	case codes.ResourceExhausted:
		if says(message, textTooLarge) {
			return ErrTooLarge
		}
	}
	return ErrUnavailable
}

// permission reads a denial; nil when it is not about a right. The bare text
// says neither verb nor object: Argo CD answers so when get is not allowed, when
// the Application does not exist, and when it could not read it.
func permission(message string) *PermissionError {
	if message == textPermission {
		return &PermissionError{Resource: "applications", Verb: "get"}
	}
	rest, found := strings.CutPrefix(message, textVerb)
	if !found {
		return nil
	}
	fields := strings.Split(rest, ", ")
	if len(fields) < 2 {
		return nil
	}
	denied := &PermissionError{Resource: fields[0], Verb: fields[1]}
	for i, field := range fields[2:] {
		// The time of issue that follows is of no use to anybody.
		if subject, ok := strings.CutPrefix(field, "sub: "); ok {
			denied.Subject = subject
		} else if i == 0 {
			denied.Object = field
		}
	}
	return denied
}

// bare reports a denial that may as well mean that the Application is not there.
func bare(err error) bool {
	var denied *PermissionError
	return errors.As(err, &denied) && denied.Object == ""
}

// clean bounds a server's text and makes sure that it does not repeat a secret.
func (c *Conn) clean(message string) string {
	for _, secret := range []string{c.cred.Token, c.cred.Password} {
		if secret != "" {
			message = strings.ReplaceAll(message, secret, "[redacted]")
		}
	}
	return clip(message, maxMessage)
}
