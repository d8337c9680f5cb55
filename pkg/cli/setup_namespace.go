package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

// namespaceFlags are those of `setup namespace`.
type namespaceFlags struct {
	consent
	controller string

	gitURL, gitSecret, gitUsername string
	gitToken, sshKey, knownHosts   secretFlag
	serviceAccount                 string

	argocdServer, argocdSecret string
	defaults                   []string
}

const defaultGitSecret = "git-credentials" //nolint:gosec // the name of a Secret

func setupNamespaceCommand(s *session) *cobra.Command {
	f := &namespaceFlags{}
	cmd := &cobra.Command{
		Use:   "namespace [NAME]",
		Short: "Let a namespace deploy: the RoleBinding, the Secret for git, its ServiceAccount, the defaults",
		Long: `Let a namespace deploy: the RoleBinding, the Secret for git, its ServiceAccount, the defaults.

The Secret for git is bound to the host of --git-url by the annotation tekton.dev/git-0, and linked to the ServiceAccount of
the runs. A token comes from a file, from standard input (-) or from an environment variable, never from a flag.

The defaults of the namespace (ConfigMap config-gitops-defaults) are written when one of --argocd-server, --argocd-secret and
--default is given; then they name the Secret for git too.`,
		Example: `  tkn gitops setup namespace team-a --git-url https://github.com --git-username bot --git-token-file token.txt
  tkn gitops setup namespace --git-url git@github.com:org/repo.git --git-ssh-key-file id_ed25519 --git-known-hosts-file hosts
  tkn gitops setup namespace --git-secret existing-secret --argocd-server argocd-server.argocd.svc --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return ofSetup(s.setupNamespace(cmd, args, f)) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.controller, "controller-namespace", setup.ControllerNamespace, "`namespace` of the controller")
	flags.StringVar(&f.gitURL, "git-url", "", "`URL` of the git host or of a repository there: https://HOST, ssh://git@HOST or git@HOST:PATH")
	flags.StringVar(&f.gitSecret, "git-secret", "", "`name` of the Secret for git (default "+defaultGitSecret+" with --git-url)")
	flags.StringVar(&f.gitUsername, "git-username", "", "user `name` that goes with the token")
	f.gitToken.addFlags(cmd, "git-token", "token or password for git")
	f.sshKey.addFileFlag(cmd, "git-ssh-key", "private key for ssh")
	f.knownHosts.addFileFlag(cmd, "git-known-hosts", "host keys to accept for ssh, as ssh-keyscan prints them")
	flags.StringVar(&f.serviceAccount, "service-account", "default", "`name` of the ServiceAccount of the runs")
	flags.StringVar(&f.argocdServer, "argocd-server", "", "`host[:port]` of Argo CD, for the defaults")
	flags.StringVar(&f.argocdSecret, "argocd-secret", "", "`name` of the Secret for Argo CD, for the defaults")
	flags.StringArrayVar(&f.defaults, "default", nil, "`key=value` for the defaults; repeatable")
	f.addFlags(cmd)
	return cmd
}

func (s *session) setupNamespace(cmd *cobra.Command, args []string, f *namespaceFlags) error {
	wanted, err := f.wanted(s)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		wanted.Name = args[0]
	} else if wanted.Name, err = s.namespace(); err != nil {
		return err
	}
	kube, err := s.kube()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	state, err := setup.ReadNamespace(ctx, kube, wanted)
	if err != nil {
		return err
	}
	plan, err := setup.PlanNamespace(wanted, state)
	if err != nil {
		return err
	}
	r := report{DryRun: f.dryRun, Plan: plan}
	yes, err := s.agreed(cmd, f.consent, plan)
	if err == nil && yes {
		err = setup.Apply(ctx, kube, plan)
		r.Verified = append(r.Verified, fmt.Sprintf("Namespace %s is set up.", wanted.Name))
	}
	if err != nil {
		return err
	}
	return s.reportSetup(cmd, r)
}

// wanted reads the flags, and the credentials that they name.
func (f *namespaceFlags) wanted(s *session) (setup.Namespace, error) {
	w := setup.Namespace{ControllerNamespace: f.controller, ServiceAccount: f.serviceAccount, Defaults: map[string]string{}}
	git, err := f.git(s)
	if err != nil {
		return w, err
	}
	w.Git = git
	for _, d := range f.defaults {
		key, value, ok := strings.Cut(d, "=")
		if !ok || key == "" {
			return w, fmt.Errorf("--default is %q: write KEY=VALUE", d)
		}
		w.Defaults[key] = value
	}
	for key, value := range map[string]string{"argocd-server": f.argocdServer, "argocd-secret": f.argocdSecret} {
		if value != "" {
			w.Defaults[key] = value
		}
	}
	if git != nil && len(w.Defaults) > 0 {
		w.Defaults["git-secret"] = git.Name
	}
	return w, nil
}

// git is nil when no flag is about it.
func (f *namespaceFlags) git(s *session) (*setup.GitSecret, error) {
	if f.gitURL == "" && f.gitSecret == "" {
		if f.gitToken.given() || f.sshKey.given() {
			return nil, errors.New("--git-url is missing: the Secret is bound to the host of that URL")
		}
		return nil, nil
	}
	if f.gitToken.given() && f.sshKey.given() {
		return nil, errors.New("give a token for https or a key for ssh, not both")
	}
	if f.gitToken.fromInput() && !f.yes && !f.dryRun {
		return nil, errors.New("standard input gives the token, so it cannot answer: add --yes or --dry-run")
	}
	g := &setup.GitSecret{Name: f.gitSecret, URL: f.gitURL, Username: f.gitUsername}
	if g.Name == "" {
		g.Name = defaultGitSecret
	}
	token, err := f.gitToken.read(s)
	if err != nil {
		return nil, err
	}
	g.Token = strings.TrimSpace(string(token))
	if g.SSHKey, err = f.sshKey.read(s); err != nil {
		return nil, err
	}
	if g.KnownHosts, err = f.knownHosts.read(s); err != nil {
		return nil, err
	}
	return g, nil
}
