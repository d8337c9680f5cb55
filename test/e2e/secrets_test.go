package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// background is for what outlives a single test.
func background() context.Context { return context.Background() }

// secretValues are the values that must not appear anywhere but in Secrets. Tests add those that they make up.
type secretValues struct {
	mu     sync.Mutex
	values []string
}

func (s *secretValues) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if v != "" && !slices.Contains(s.values, v) {
			s.values = append(s.values, v)
		}
	}
}

// forms are the values as they are and as they travel: in base64, and with the user name in a basic header.
func (s *secretValues) forms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var forms []string
	for _, v := range s.values {
		forms = append(forms, v, base64.StdEncoding.EncodeToString([]byte(v)))
		for _, user := range []string{bed.Git.Writer.Username, bed.Git.Reader.Username, "pipeline", "admin"} {
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(user+":"+v)))
		}
	}
	return forms
}

// find tells where in a text a secret is.
func (s *secretValues) find(text string) (at int, found bool) {
	for _, form := range s.forms() {
		if i := strings.Index(text, form); i >= 0 {
			return i, true
		}
	}
	return 0, false
}

// addOfCluster adds the secrets that the control plane came with.
func (s *secretValues) addOfCluster(c *localcluster.Cluster) {
	s.add(c.Git.Writer.Password, c.Git.Reader.Password, c.ArgoCD.AdminPassword, c.Gitea.Admin.Password, c.Gitea.AdminToken)
	for _, token := range c.ArgoCD.Tokens {
		s.add(token)
	}
}

// scanForSecrets looks through everything that the controller has written while the tests ran. It runs after all tests.
// After a run of all tests it fails when it finds nothing to look at: then it looks in the wrong place.
func scanForSecrets(ctx context.Context, controller *testbed.Controller) error {
	texts, err := writtenObjects(ctx)
	if err != nil {
		return err
	}
	commits, err := writtenCommits(ctx)
	if err != nil {
		return err
	}
	pulls, err := bed.hosted.written(ctx)
	if err != nil {
		return err
	}
	logged, err := os.ReadFile(controller.Log)
	if err != nil {
		return err
	}
	metrics, err := shownMetrics(ctx, controller)
	if err != nil {
		return err
	}
	all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if !strings.Contains(string(logged), `"severity":"DEBUG"`) {
		return errors.New("scan for secrets: the controller does not log at debug level")
	}
	texts["the controller's log"] = string(logged)
	texts["commits"] = commits
	texts["pull requests"] = pulls
	texts["metrics"] = metrics
	texts["traces"] = bed.traces.Text()
	var found []error
	for where, text := range texts {
		if text == "" && all {
			found = append(found, fmt.Errorf("scan for secrets: %s: nothing there to look at", where))
		}
		if at, leaked := bed.secrets.find(text); leaked {
			found = append(found, fmt.Errorf("a secret stands in %s, after %q", where, text[max(0, at-200):at]))
		}
	}
	return errors.Join(found...)
}

// writtenObjects are the runs, the records and the events of all namespaces, as JSON.
func writtenObjects(ctx context.Context) (map[string]string, error) {
	texts := map[string]string{}
	for kind, resource := range map[string]schema.GroupVersionResource{
		"runs":    {Group: "tekton.dev", Version: "v1beta1", Resource: "customruns"},
		"records": v1alpha1.Resource("gitopsrecords"),
		"events":  {Version: "v1", Resource: "events"},
	} {
		list, err := bed.Dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		texts[kind] = ""
		if len(list.Items) == 0 {
			continue
		}
		text, err := json.Marshal(list.Items)
		if err != nil {
			return nil, err
		}
		texts[kind] = string(text)
	}
	return texts, nil
}

// shownMetrics is the page of the controller's metrics.
func shownMetrics(ctx context.Context, controller *testbed.Controller) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, controller.Metrics, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", controller.Metrics, response.Status)
	}
	return string(page), err
}

// writtenCommits are all commits of all repositories, with their messages and changes.
func writtenCommits(ctx context.Context) (string, error) {
	dirs, err := filepath.Glob(filepath.Join(bed.Git.Root, "*.git"))
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, dir := range dirs {
		repository := localcluster.Repository{Dir: dir}
		log, err := repository.Git(ctx, "log", "--all", "--format=fuller", "--patch")
		if err != nil {
			return "", err
		}
		all.WriteString(log)
	}
	return all.String(), nil
}
