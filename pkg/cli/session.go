package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// callTimeout bounds each request to the cluster but a watch.
const callTimeout = 30 * time.Second

// session is one invocation: its streams, the global flags, and clients of the cluster, which are made when a command
// first asks for them. A command that needs no cluster works without a kubeconfig.
type session struct {
	streams Streams
	noColor bool

	rules     *clientcmd.ClientConfigLoadingRules
	overrides clientcmd.ConfigOverrides

	made clients
}

// clients are the clients that were made so far. Tests fill them in beforehand.
type clients struct {
	kube    kubernetes.Interface
	tekton  tekton.Interface
	dynamic dynamic.Interface
}

func newSession(s Streams) *session {
	return &session{streams: s, rules: clientcmd.NewDefaultClientConfigLoadingRules()}
}

func (s *session) addFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&s.rules.ExplicitPath, "kubeconfig", "", "kubeconfig `file` (default: $KUBECONFIG, else ~/.kube/config)")
	flags.StringVar(&s.overrides.CurrentContext, "context", "", "`name` of the context in the kubeconfig")
	flags.StringVarP(&s.overrides.Context.Namespace, "namespace", "n", "", "`namespace` (default: that of the context)")
	flags.BoolVar(&s.noColor, "no-color", false, "no colours; the environment variable NO_COLOR does the same")
}

func (s *session) clientConfig() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(s.rules, &s.overrides)
}

// namespace is that of the flag, else that of the kubeconfig's context.
func (s *session) namespace() (string, error) {
	namespace, _, err := s.clientConfig().Namespace()
	if err != nil {
		return "", s.ofKubeconfig(err)
	}
	return namespace, nil
}

// restConfig has no timeout, because a watch lasts; every other call brings its own deadline (callTimeout).
func (s *session) restConfig() (*rest.Config, error) {
	config, err := s.clientConfig().ClientConfig()
	if err != nil {
		return nil, s.ofKubeconfig(err)
	}
	config.UserAgent = "tkn-gitops/" + s.streams.Version
	// A person waits: what a command asks for, it asks for at once.
	config.QPS, config.Burst = 50, 100
	return config, nil
}

func (s *session) ofKubeconfig(err error) error {
	switch {
	case clientcmd.IsEmptyConfig(err):
		return &hintedError{
			what: "there is no kubeconfig", err: err,
			next: "Name one with --kubeconfig or $KUBECONFIG, or log in to the cluster first.",
		}
	case clientcmd.IsContextNotFound(err):
		return &hintedError{
			what: fmt.Sprintf("the kubeconfig has no context %q", s.overrides.CurrentContext), err: err,
			next: "kubectl config get-contexts lists those that it has.",
		}
	}
	return fmt.Errorf("read the kubeconfig: %w", err)
}

func (s *session) kube() (kubernetes.Interface, error) {
	if s.made.kube != nil {
		return s.made.kube, nil
	}
	config, err := s.restConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	s.made.kube = client
	return client, nil
}

func (s *session) tekton() (tekton.Interface, error) {
	if s.made.tekton != nil {
		return s.made.tekton, nil
	}
	config, err := s.restConfig()
	if err != nil {
		return nil, err
	}
	client, err := tekton.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	s.made.tekton = client
	return client, nil
}

func (s *session) dynamic() (dynamic.Interface, error) {
	if s.made.dynamic != nil {
		return s.made.dynamic, nil
	}
	config, err := s.restConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	s.made.dynamic = client
	return client, nil
}

// terminal tells whether the output may move the cursor.
func (s *session) terminal() bool { return s.width() > 0 && !s.streams.Dumb }

// width of the output in columns, 0 when it is no terminal.
func (s *session) width() int {
	if s.streams.Width == nil {
		return 0
	}
	return s.streams.Width()
}
