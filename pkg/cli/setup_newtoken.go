package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

// newToken makes a token, stores it, and ends the one that it replaces. At each end it has done all of it, or taken back what
// it has done, or the error says which token is left.
func (r *argocdRun) newToken(ctx context.Context, admin *argocd.Conn) error {
	var token string
	err := r.until(ctx, func() (_ bool, err error) {
		// Not interrupted: nobody would know of the token that Argo CD makes all the same. The call has a deadline of its own.
		token, err = admin.CreateToken(context.WithoutCancel(ctx), r.flags.Account, r.flags.expiresIn)
		return !errors.Is(err, argocd.ErrNoAccount), err
	})
	if err != nil {
		return err
	}
	if err := r.store(ctx, token); err != nil {
		return r.takeBack(ctx, admin, token, err)
	}
	return r.endOlder(ctx, admin)
}

func (r *argocdRun) store(ctx context.Context, token string) error {
	secret, err := setup.PlanToken(r.flags.ArgoCD, r.state, token)
	if err != nil {
		return err
	}
	return setup.Apply(ctx, r.kube, secret)
}

// takeBack ends a token that nobody has, because it could not be stored.
func (r *argocdRun) takeBack(ctx context.Context, admin *argocd.Conn, token string, cause error) error {
	what := "the new token of account " + r.flags.Account + " could not be stored"
	id := argocd.TokenID(token)
	if id == "" {
		return &leftError{what: what + ", and it has no id to end it by: it works until it expires, or account " + r.flags.Account + " is removed", err: cause}
	}
	if err := r.endToken(ctx, admin, id); err != nil {
		return &leftError{what: what + ", and it still works: " + r.byHand(id), err: fmt.Errorf("%w; %w", cause, err)}
	}
	return &leftError{what: what + ", and was ended again: run the command again", err: cause}
}

// endOlder takes back the token that was replaced. One that names no id cannot be: it ends by itself, or with the account.
func (r *argocdRun) endOlder(ctx context.Context, admin *argocd.Conn) error {
	id := argocd.TokenID(r.older)
	if id == "" {
		return nil
	}
	if err := r.endToken(ctx, admin, id); err != nil {
		return &leftError{what: "the new token is stored, and the older one still works: " + r.byHand(id), err: err}
	}
	return nil
}

// endToken ends a token after an interrupt too: what was begun is brought to an end.
func (r *argocdRun) endToken(ctx context.Context, admin *argocd.Conn, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return admin.DeleteToken(ctx, r.flags.Account, id)
}

// byHand says how to end a token without this command.
func (r *argocdRun) byHand(id string) string {
	return "end it with `argocd account delete-token --account " + r.flags.Account + " " + id + "`"
}
