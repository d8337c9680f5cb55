package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	// registryToken is no registry's.
	registryToken = "token-of-a-registry-that-nobody-has"
	// othersSecret is linked by somebody else.
	othersSecret = "of-an-operator"
)

// story is a team as examples/setup makes it, with names of its own, and a copy of examples/ with these names.
type story struct {
	// The namespace of the pipelines.
	*tenant
	// base has the name that all others begin with; its applications are those of the story.
	base *tenant
	// config is the platform team's repository.
	config *localcluster.Repository
	// dir is where the copy lies and the commands of its README run, in env.
	dir      string
	commands []string
	env      []string
	// files are the copy as it was at first.
	files map[string]string
}

// newStory makes nothing in the cluster but what the examples take for granted: the repositories with their accounts.
func newStory(t *testing.T) *story {
	t.Helper()
	base := newTenant(t, testbed.TenantOptions{Hosted: true, Bare: true})
	name := base.Namespace
	pipelines := *base.Tenant
	pipelines.Namespace = name + "-cicd"
	for _, environment := range []string{"dev", "test", "prod", "floating"} {
		pipelines.Targets[environment] = name + "-" + environment
	}
	s := &story{
		tenant: &tenant{Tenant: &pipelines, t: t, tekton: base.tekton},
		base:   base, config: base.Cluster.Repository(name + "-config"), dir: t.TempDir(),
		files: map[string]string{},
	}
	names := strings.NewReplacer(
		// Images and sources keep their names, as nothing pulls or fetches them, and so does the folder.
		"quay.io/product-catalog", "quay.io/product-catalog",
		"quay.io/repository/product-catalog", "quay.io/repository/product-catalog",
		"https://github.com/example/product-catalog-", "https://github.com/example/product-catalog-",
		"examples/product-catalog", "examples/product-catalog",
		"https://github.com/example/product-catalog", s.RepoURL(),
		"https://github.com/example/cluster-config", s.config.HTTPURL,
		"https://github.com", s.Gitea.URL,
		"argocd-server.argocd.svc", s.ArgoCD.Address,
		"example-bot", s.Hosted.Bot.Name,
		"product-catalog", name,
	)
	for file, text := range exampleTexts(t) {
		s.files[file] = names.Replace(text)
		s.write("examples/"+file, s.files[file])
	}
	s.commands = commandBlocks(s.files["README.md"])
	s.prepareShell()
	return s
}

func (s *story) write(file, text string) {
	s.t.Helper()
	file = filepath.Join(s.dir, file)
	s.must(os.MkdirAll(filepath.Dir(file), 0o700))
	s.must(os.WriteFile(file, []byte(text), 0o600))
}

// prepareShell is what the README expects of whoever runs its commands: a kubeconfig, being logged in to Argo CD, the
// tokens in files.
func (s *story) prepareShell() {
	s.t.Helper()
	admin, err := adminToken()
	s.must(err)
	kubeconfig, err := os.ReadFile(s.Kubernetes.Kubeconfig)
	s.must(err)
	s.write("kubeconfig", string(kubeconfig))
	s.write("git-token", s.Hosted.Bot.Token+"\n")
	s.write("registry-token", registryToken)
	s.write("ca.crt", s.authority())
	s.env = append(os.Environ(),
		"HOME="+s.dir, "KUBECONFIG="+filepath.Join(s.dir, "kubeconfig"), "PATH="+s.BinDir+":"+os.Getenv("PATH"),
		"ARGOCD_SERVER="+s.ArgoCD.Address, "ARGOCD_AUTH_TOKEN="+admin, "ARGOCD_OPTS=--server-crt "+s.ArgoCD.CAFile)
}

// shell runs commands and gives what they print.
func (s *story) shell(commands string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s\n%s", err, commands, out)
	}
	return string(out)
}

// block is the block of the README's commands that has a word in it.
func (s *story) block(word string) string {
	s.t.Helper()
	for _, block := range s.commands {
		if strings.Contains(block, word) {
			return block
		}
	}
	s.t.Fatalf("examples/README.md has no commands with %s", word)
	return ""
}

// results says what the pods of a run would find out, in the copy of its file.
func (s *story) results(file, results string) {
	s.t.Helper()
	head, spec, found := strings.Cut(s.files[file], "\nspec:")
	if !found {
		s.t.Fatalf("%s has no spec", file)
	}
	s.write("examples/"+file, head+"\n  annotations:\n    kubelet.local/results: '"+results+"'\nspec:"+spec)
}

// setUp lets Argo CD apply the setup from the platform team's repository, and puts in the Secrets' values.
func (s *story) setUp() {
	s.t.Helper()
	ctx, files := s.t.Context(), map[string]string{}
	for file, text := range s.files {
		if name, shared := strings.CutPrefix(file, "setup/argocd/"); shared {
			files["argocd/"+name] = text
		} else if name, found := strings.CutPrefix(file, "setup/"); found {
			files["tenants/"+s.base.Namespace+"/"+name] = text
		}
	}
	_, err := s.CreateRepository(ctx, s.config.Name, files)
	s.must(err)
	s.shell(s.block("examples/setup/application.yaml"))
	s.shell(s.block("argocd account generate-token"))
	// What somebody else does with the ServiceAccount.
	s.shell("kubectl --namespace " + s.Namespace + " create secret generic " + othersSecret + "\n" +
		"kubectl --namespace " + s.Namespace + ` patch serviceaccount pipeline --patch '{"secrets": [{"name": "` + othersSecret + `"}]}'`)
	before := s.values()
	if len(before["argocd-env-secret"]["ARGOCD_AUTH_TOKEN"]) == 0 {
		s.t.Fatal("the commands have put in no token for Argo CD")
	}
	// Tekton hands the password to git as it stands: without the newline that the file ends with.
	if got := string(before["git-credentials"]["password"]); got != s.Hosted.Bot.Token {
		s.t.Fatalf("the password for git has %d characters, the token %d", len(got), len(s.Hosted.Bot.Token))
	}
	bed.secrets.add(s.token(), registryToken)
	s.changeSetup(files)
	if diff := cmp.Diff(before, s.values()); diff != "" {
		s.t.Fatal("Argo CD has changed the values of the Secrets")
	}
}

// changeSetup commits a change to the platform team's repository. Argo CD applies everything again then, and has to let be
// what others have put into the same objects.
func (s *story) changeSetup(files map[string]string) {
	s.t.Helper()
	ctx := s.t.Context()
	tenant := "tenants/" + s.base.Namespace + "/tenant.yaml"
	_, err := s.config.Commit(ctx, localcluster.Branch, "A longer timeout", map[string]string{tenant: files[tenant] + "  sync-timeout: 5m\n"})
	s.must(err)
	s.base.refreshByHand("setup")
	s.poll("the change of the setup", func() bool {
		defaults, err := s.Client.CoreV1().ConfigMaps(s.Namespace).Get(ctx, "config-gitops-defaults", metav1.GetOptions{})
		s.must(err)
		return defaults.Data["sync-timeout"] == "5m"
	})
	s.base.waitForApplication("setup", "the setup as it was changed", syncedAndHealthy)
	account, err := s.Client.CoreV1().ServiceAccounts(s.Namespace).Get(ctx, "pipeline", metav1.GetOptions{})
	s.must(err)
	linked := map[string]bool{}
	for _, link := range account.Secrets {
		linked[link.Name] = true
	}
	if diff := cmp.Diff(map[string]bool{"git-credentials": true, "registry-credentials": true, othersSecret: true}, linked); diff != "" {
		s.t.Errorf("the links of the ServiceAccount (-want +got):\n%s", diff)
	}
	settings, err := s.Client.CoreV1().ConfigMaps(s.ArgoCD.Namespace).Get(ctx, "argocd-cm", metav1.GetOptions{})
	s.must(err)
	if settings.Data["accounts.synconly"] == "" || settings.Data["accounts."+s.base.App("pipeline")] != "apiKey" {
		s.t.Errorf("the accounts of Argo CD are %v", settings.Data)
	}
}

// values are the data of the Secrets in the pipelines' namespace.
func (s *story) values() map[string]map[string][]byte {
	s.t.Helper()
	list, err := s.Client.CoreV1().Secrets(s.Namespace).List(s.t.Context(), metav1.ListOptions{})
	s.must(err)
	found := map[string]map[string][]byte{}
	for _, secret := range list.Items {
		if secret.Type != corev1.SecretTypeServiceAccountToken {
			found[secret.Name] = secret.Data
		}
	}
	return found
}
