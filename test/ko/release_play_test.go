package ko_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// pipeline is what this test reads of a Pipeline.
type pipeline struct {
	Spec struct {
		Params []struct {
			Name    string
			Default any
		}
		Tasks []task
	}
}

type task struct {
	Name   string
	Params []struct {
		Name  string
		Value any
	}
	TaskSpec struct {
		Results      []struct{ Name string }
		StepTemplate struct{ Env []variable }
		Steps        []step
	}
}

type step struct {
	Name, Script, WorkingDir string
	Args                     []string
	Env                      []variable
}

type variable struct{ Name, Value string }

// play runs the steps of a Pipeline as processes of this machine.
type play struct {
	t        *testing.T
	pipeline pipeline
	work     string
	values   map[string]string // of what stands in $( )
	lists    map[string][]string
	env      []string
}

func newPlay(t *testing.T, params map[string]string) *play {
	t.Helper()
	p := &play{t: t, work: t.TempDir(), values: map[string]string{}, lists: map[string][]string{}}
	data, err := os.ReadFile(filepath.Join(root, "tekton", "release", "tekton-gitops-release.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &p.pipeline); err != nil {
		t.Fatal(err)
	}
	for _, param := range p.pipeline.Spec.Params {
		p.values["params."+param.Name] = fmt.Sprint(param.Default)
	}
	for name, value := range params {
		p.values["params."+name] = value
	}
	p.values["workspaces.work.path"] = p.work
	// What was downloaded and compiled before is used again.
	p.env = []string{"PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY"} {
		p.env = append(p.env, name+"="+goEnv(t, name))
	}
	return p
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// secret is a workspace with one file.
func (p *play) secret(workspace, key, value string) {
	p.t.Helper()
	dir := p.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.values["workspaces."+workspace+".path"], p.values["workspaces."+workspace+".bound"] = dir, "true"
}

var (
	reference = regexp.MustCompile(`\$\(((?:params|tasks|results|workspaces)\.[^()]+)\)`)
	arrayOf   = regexp.MustCompile(`^\$\(params\.(.+)\[\*\]\)$`)
)

func (p *play) fill(values map[string]string, text string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		value, known := values[found[2:len(found)-1]]
		if !known {
			p.t.Fatalf("nothing is known of %s", found)
		}
		return value
	})
}

// run runs the steps of a task, and takes its results over.
func (p *play) run(task task) {
	p.t.Helper()
	scratch, values := p.t.TempDir(), maps.Clone(p.values)
	for _, param := range task.Params {
		if value, ok := param.Value.(string); ok {
			values["params."+param.Name] = p.fill(p.values, value)
		}
	}
	results := p.t.TempDir()
	for _, result := range task.TaskSpec.Results {
		values["results."+result.Name+".path"] = filepath.Join(results, result.Name)
	}
	for _, step := range task.TaskSpec.Steps {
		p.step(task, step, values, scratch)
	}
	for _, result := range task.TaskSpec.Results {
		data, err := os.ReadFile(filepath.Join(results, result.Name))
		if err != nil {
			p.t.Fatalf("task %s: %v", task.Name, err)
		}
		p.values["tasks."+task.Name+".results."+result.Name] = string(data)
	}
}

func (p *play) step(task task, step step, values map[string]string, scratch string) {
	p.t.Helper()
	script := filepath.Join(p.t.TempDir(), "script")
	if err := os.WriteFile(script, []byte(p.fill(values, step.Script)), 0o700); err != nil {
		p.t.Fatal(err)
	}
	var args []string
	for _, arg := range step.Args {
		if list := arrayOf.FindStringSubmatch(arg); list != nil {
			args = append(args, p.lists[list[1]]...)
			continue
		}
		args = append(args, p.fill(values, arg))
	}
	cmd := exec.CommandContext(p.t.Context(), script, args...)
	cmd.Dir = p.fill(values, step.WorkingDir)
	for _, v := range append(task.TaskSpec.StepTemplate.Env, step.Env...) {
		cmd.Env = append(cmd.Env, v.Name+"="+strings.Replace(p.fill(values, v.Value), "/scratch", scratch, 1))
	}
	cmd.Env = append(cmd.Env, p.env...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("task %s, step %s: %v\n%s", task.Name, step.Name, err, out)
	}
	if strings.Contains(string(out), token) {
		p.t.Errorf("task %s, step %s prints the token", task.Name, step.Name)
	}
}
