package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

// argocdFlags are those of `setup argocd`.
type argocdFlags struct {
	consent
	setup.ArgoCD
	ca           secretFlag
	connection   argocdConnection
	admin        string
	adminSecret  secretFlag
	expiresIn    time.Duration
	renew        bool
	roleOverride string
}

// maxTokenLife bounds what can be asked for: a longer one is no bound.
const maxTokenLife = 10 * 365 * 24 * time.Hour

func setupArgoCDCommand(s *session) *cobra.Command {
	f := &argocdFlags{}
	cmd := &cobra.Command{
		Use:   "argocd --server HOST[:PORT]",
		Short: "Give a namespace an account of Argo CD: the account, its rights, a token, the Secret",
		Long: `Give a namespace an account of Argo CD: the account, its rights, a token, the Secret.

In Argo CD's namespace it adds the local account to argocd-cm and lines for its rights to policy.csv in argocd-rbac-cm. As
admin it makes a token of that account, and stores it in the Secret of the namespace, with the server that the token is for
and the certificate to trust. That one comes from --ca-file, or from Argo CD's own Secrets in the cluster, never from what the
connection shows. At the end it logs in with the Secret and asks Argo CD whether the account may sync.

A token that works is kept. Where an operator makes Argo CD's settings, the lines for its resource are printed instead.`,
		Example: `  tkn gitops setup argocd --server argocd-server.argocd.svc --connect-to localhost:8080
  tkn gitops setup argocd --server argocd.example.com --project team-a --account team-a --expires-in 2160h --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ofSetup(s.setupArgoCD(cmd, f)) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Server, "server", "", "`host[:port]` of Argo CD, as the controller reaches it")
	_ = cmd.MarkFlagRequired("server")
	f.connection.addFlags(cmd)
	flags.StringVar(&f.Installed, "argocd-namespace", "argocd", "`namespace` of Argo CD")
	flags.StringVar(&f.Account, "account", "pipeline", "`name` of the local account")
	flags.StringVar(&f.roleOverride, "role", "", "`name` of its role in policy.csv (default role:ACCOUNT)")
	flags.StringArrayVar(&f.Projects, "project", []string{"default"}, "`project` whose applications it may sync; repeatable")
	flags.BoolVar(&f.Restart, "allow-restart", false, "let it restart workloads too, for runs with restart")
	flags.StringVar(&f.Secret, "secret", "argocd-env-secret", "`name` of the Secret with the token")
	f.ca.addFileFlag(cmd, "ca", "certificate of the authority that signed the server's")
	flags.StringVar(&f.admin, "admin-username", "admin", "`name` of the account that makes the token")
	f.adminSecret.addFlags(cmd, "admin-password", "password of that account (default: what argocd-initial-admin-secret has)")
	flags.DurationVar(&f.expiresIn, "expires-in", 0, "how long the token is to live, such as 2160h (default: it does not end)")
	flags.BoolVar(&f.renew, "renew", false, "replace a token that works, and take the older one back")
	f.addFlags(cmd)
	return cmd
}

// argocdRun is one `setup argocd`.
type argocdRun struct {
	*session
	cmd   *cobra.Command
	flags *argocdFlags
	kube  kubernetes.Interface
	state setup.ArgoCDState
	// older is a token that works and is to be replaced.
	older string
}

func (s *session) setupArgoCD(cmd *cobra.Command, f *argocdFlags) error {
	if err := f.complete(s); err != nil {
		return err
	}
	kube, err := s.kube()
	if err != nil {
		return err
	}
	r := argocdRun{session: s, cmd: cmd, flags: f, kube: kube}
	plan, err := r.plan(cmd.Context())
	if errors.Is(err, setup.ErrManaged) {
		err = errors.Join(writeTo(s.streams.Err, planText(plan)+"\n"), err)
	}
	if err != nil {
		return err
	}
	done := report{DryRun: f.dryRun, Plan: plan}
	yes, err := s.agreed(cmd, f.consent, plan)
	if err == nil && yes {
		err = r.make(cmd.Context(), plan)
	}
	if err == nil && !f.dryRun {
		done.Verified, err = r.verify(cmd.Context())
	}
	if err != nil {
		return err
	}
	return s.reportSetup(cmd, done)
}

// complete reads the rest of the flags.
func (f *argocdFlags) complete(s *session) (err error) {
	if f.Namespace, err = s.namespace(); err != nil {
		return err
	}
	if f.Role = f.roleOverride; f.Role == "" {
		f.Role = "role:" + f.Account
	}
	if !strings.HasPrefix(f.Role, "role:") {
		f.Role = "role:" + f.Role
	}
	for _, word := range append([]string{f.Account, strings.TrimPrefix(f.Role, "role:")}, f.Projects...) {
		if word == "" || strings.ContainsFunc(word, func(c rune) bool { return !strings.ContainsRune(wordRunes, c) }) {
			return fmt.Errorf("%q is no name of an account, a role or a project: use letters, digits, '-' and '_'", word)
		}
	}
	if f.Account == "admin" {
		return errors.New("admin is no account for pipelines: name another with --account")
	}
	if f.expiresIn < 0 || f.expiresIn > maxTokenLife || f.expiresIn%time.Second != 0 {
		return fmt.Errorf("--expires-in is %s: write whole seconds, at most %s", f.expiresIn, maxTokenLife)
	}
	if f.adminSecret.fromInput() && !f.yes && !f.dryRun {
		return errors.New("standard input gives the password, so it cannot answer: add --yes or --dry-run")
	}
	slices.Sort(f.Projects)
	f.Projects = slices.Compact(f.Projects)
	f.CA, err = f.ca.read(s)
	return err
}

// wordRunes keep a name from being more than one field of a policy line, and more than one key of argocd-cm.
const wordRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// plan reads what there is, asks Argo CD whether the token that is there works, and plans the rest.
func (r *argocdRun) plan(ctx context.Context) (setup.Plan, error) {
	var err error
	if r.state, err = setup.ReadArgoCD(ctx, r.kube, r.flags.ArgoCD); err != nil {
		return setup.Plan{}, err
	}
	plan, err := setup.PlanAccount(r.flags.ArgoCD, r.state)
	if err != nil {
		return plan, err
	}
	if err := r.tryToken(ctx); err != nil {
		return setup.Plan{}, err
	}
	secret, err := setup.PlanToken(r.flags.ArgoCD, r.state, "")
	if err != nil {
		return setup.Plan{}, err
	}
	plan.Changes, plan.Notes = append(plan.Changes, secret.Changes...), append(plan.Notes, secret.Notes...)
	if !r.state.TokenWorks && r.flags.expiresIn == 0 {
		plan.Notes = append(plan.Notes, "The token will not end: --expires-in gives it a bound.")
	}
	return plan, nil
}
