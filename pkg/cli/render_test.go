package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	run := []string{"render", "-f", filepath.Join("testdata", "render", "run.yaml"), "--repo", filepath.Join("testdata", "render", "repo"), "--offline"}
	for name, tc := range map[string]struct {
		args  []string
		color bool
	}{
		"render":           {args: run},
		"render-in-colour": {args: append(run, "--run", "deploy"), color: true},
		"render-a-pr":      {args: append(run, "--run", "promote", "--param", "tag=2.0.0")},
		"render-yaml":      {args: append(run, "--run", "deploy", "-o", "yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if tc.color {
				b.onTerminal(120)
			}
			if code := b.run(t.Context(), tc.args...); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			golden(t, name, b.out.String())
		})
	}
}

// A file may come through a pipe, and nothing is asked of a cluster that is not needed.
func TestRenderReadsStandardInput(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "render", "run.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.streams.In = strings.NewReader(string(text))
	b.session = newSession(b.streams)
	if code := b.run(t.Context(), "render", "-f", "-", "--repo", filepath.Join("testdata", "render", "repo"), "--offline", "--run", "deploy"); code != 0 {
		t.Fatalf("exit status %d: %s", code, b.err)
	}
	if !strings.Contains(b.out.String(), "+  newTag: 1.0.1") {
		t.Errorf("it shows\n%s", b.out)
	}
}

// Without a kubeconfig the files have to do.
func TestRenderWithoutKubeconfig(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBECONFIG", filepath.Join(dir, "nowhere"))
	t.Setenv("HOME", dir)
	b := newBench(t)
	b.session = newSession(b.streams)
	args := []string{"render", "-f", filepath.Join("testdata", "render", "run.yaml"), "--repo", filepath.Join("testdata", "render", "repo"), "--run", "deploy"}
	if code := run(t.Context(), newRoot(b.session), b.streams, args); code != 0 || !strings.Contains(b.out.String(), "namespace default") {
		t.Errorf("exit status %d: %s%s", code, b.out, b.err)
	}
}

func TestRenderRefuses(t *testing.T) {
	file := filepath.Join("testdata", "render", "run.yaml")
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no file":                    {[]string{"render"}, `required flag(s) "filename" not set`},
		"no such file":               {[]string{"render", "-f", "nowhere.yaml"}, "nowhere.yaml: no such file"},
		"a parameter without value":  {[]string{"render", "-f", file, "-p", "tag"}, "write NAME=VALUE"},
		"no such run":                {[]string{"render", "-f", file, "--offline", "--run", "x"}, "they have deploy, promote"},
		"no such directory":          {[]string{"render", "-f", file, "--offline", "--repo", "nowhere"}, "nowhere"},
		"a directory without a file": {[]string{"render", "-f", file, "--offline", "--repo", filepath.Join("testdata", "render")}, "overlays does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if code := b.run(t.Context(), tc.args...); code != 1 || !strings.Contains(b.err.String(), tc.says) {
				t.Errorf("exit status %d: %s", code, b.err)
			}
		})
	}
}
