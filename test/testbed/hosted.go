package testbed

import (
	"context"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// Hosted is a tenant's repository on Gitea, and who works with it.
type Hosted struct {
	*localcluster.GiteaRepository
	// Bot is the account of the controller. Its token has the scopes that the documentation asks for, and no more.
	Bot localcluster.GiteaUser
	// Person owns the repository.
	Person localcluster.GiteaUser
}

// hostedName is what a tenant's repository on Gitea is called.
const hostedName = "catalog"

// createHosted makes the repository and its accounts, which have the namespace's name.
func (t *Tenant) createHosted(ctx context.Context, files map[string]string) error {
	h, err := &Hosted{}, error(nil)
	if h.Person, err = t.Gitea.CreateUser(ctx, t.person()); err != nil {
		return err
	}
	if h.Bot, err = t.Gitea.CreateUser(ctx, "bot-"+t.Namespace); err != nil {
		return err
	}
	if h.Bot.Token, err = t.Gitea.CreateToken(ctx, h.Bot, "write:repository", "write:issue"); err != nil {
		return err
	}
	if h.GiteaRepository, err = t.Gitea.CreateRepository(ctx, h.Person.Name, hostedName, files); err != nil {
		return err
	}
	t.Hosted = h
	return h.Allow(ctx, h.Bot.Name, "write")
}

// openHosted finds what createHosted has made. The accounts' passwords and tokens are not known any more: the person is
// the administrator instead, who may do as much.
func (t *Tenant) openHosted() {
	t.Hosted = &Hosted{
		GiteaRepository: t.Gitea.Repository(t.person(), hostedName),
		Person:          localcluster.GiteaUser{Name: t.Gitea.Admin.Username, Password: t.Gitea.Admin.Password, Token: t.Gitea.AdminToken},
	}
}

// person is the account that owns the repository.
func (t *Tenant) person() string { return "person-" + t.Namespace }
