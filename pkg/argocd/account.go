package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrNoAccount: the server knows no such local account, or not yet that it may have tokens. It reads argocd-cm anew within
// seconds of a change.
var ErrNoAccount = errors.New("no such account with the capability apiKey")

// textNoCapability is the refusal of a token (server/account/account.go:246).
const textNoCapability = "does not have apikey capability"

// apiKeySuffix is what Argo CD puts behind the account in the subject of its tokens.
const apiKeySuffix = ":apiKey"

// Identity is who a credential belongs to, as the server sees it.
type Identity struct {
	// Account is empty when the credential is not, or no longer, accepted.
	Account string
	// Expires is zero for a token that does not.
	Expires time.Time
}

// Identity asks whose the credential is. A credential that is not accepted is no error: the Identity is empty then.
func (c *Conn) Identity(ctx context.Context) (Identity, error) {
	var answer *sessionpkg.GetUserInfoResponse
	token := c.cred.Token
	err := c.call(ctx, "ask Argo CD whose the credential is", func(ctx context.Context, option grpc.CallOption) (err error) {
		answer, err = sessionpkg.NewSessionServiceClient(c.ch.grpc).GetUserInfo(ctx, &sessionpkg.GetUserInfoRequest{}, option)
		return err
	})
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return Identity{}, nil
	case err != nil:
		return Identity{}, err
	case !answer.LoggedIn:
		return Identity{}, nil
	}
	id := Identity{Account: strings.TrimSuffix(clip(answer.Username, maxMessage), apiKeySuffix)}
	if exp := claimsOf(token).Exp; exp != 0 {
		id.Expires = time.Unix(exp, 0)
	}
	return id, nil
}

// Can asks whether the account may do something with the objects of a resource: applications, sync, PROJECT/*.
func (c *Conn) Can(ctx context.Context, resource, verb, object string) (bool, error) {
	request := &accountpkg.CanIRequest{Resource: resource, Action: verb, Subresource: object}
	var answer *accountpkg.CanIResponse
	err := c.call(ctx, "ask for the right to "+verb+" "+resource+" "+object, func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = accountpkg.NewAccountServiceClient(c.ch.grpc).CanI(ctx, request, token)
		return err
	})
	if err != nil {
		return false, err
	}
	return answer.Value == "yes", nil
}

// CreateToken makes a token of a local account, which ends after life; 0 is never. Each call makes one more: nobody but
// the caller has it, and Argo CD does not show it again. Errors: ErrNoAccount, ErrPermission.
func (c *Conn) CreateToken(ctx context.Context, account string, life time.Duration) (string, error) {
	request := &accountpkg.CreateTokenRequest{Name: account, ExpiresIn: int64(life / time.Second)}
	what := "create a token of Argo CD's account " + account
	var answer *accountpkg.CreateTokenResponse
	err := c.call(ctx, what, func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = accountpkg.NewAccountServiceClient(c.ch.grpc).CreateToken(ctx, request, token)
		if status.Code(err) == codes.NotFound || says(status.Convert(err).Message(), textNoCapability) {
			return ErrNoAccount
		}
		return err
	})
	switch {
	case err != nil:
		return "", err
	case answer.Token == "":
		return "", fmt.Errorf("%s: %w: the answer has no token", what, ErrUnavailable)
	}
	return answer.Token, nil
}

// TokenID is the name by which DeleteToken knows a token, empty when it has none.
func TokenID(token string) string { return claimsOf(token).ID }

// DeleteToken ends a token of a local account. One that the account does not have is ended already.
func (c *Conn) DeleteToken(ctx context.Context, account, id string) error {
	request := &accountpkg.DeleteTokenRequest{Name: account, Id: id}
	return c.call(ctx, "delete a token of Argo CD's account "+account, func(ctx context.Context, token grpc.CallOption) error {
		_, err := accountpkg.NewAccountServiceClient(c.ch.grpc).DeleteToken(ctx, request, token)
		if status.Code(err) == codes.NotFound {
			return nil
		}
		return err
	})
}
