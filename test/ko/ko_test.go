// Package ko_test runs the real ko on config/, as a release does: it builds the controller with the settings of .ko.yaml
// and pushes it to a registry in this process. It takes minutes the first time, because ko compiles the controller with
// -trimpath and so shares nothing with the cache of other builds: `make test-long` runs it, `make test` does not.
package ko_test

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"sigs.k8s.io/yaml"
)

const (
	root    = "../.."
	command = "github.com/tekton-gitops/tekton-gitops/cmd/controller"
	user    = "65532:65532"
	version = "v0.1.0"
)

// TestRelease runs `make release` without an image, which has ko build one.
func TestRelease(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	repository := host + "/tekton-gitops"

	file := filepath.Join(t.TempDir(), "release.yaml")
	release := exec.CommandContext(t.Context(), "make", "--no-print-directory", "release", "VERSION="+version, "RELEASE="+file)
	release.Dir = root
	// What an outer make hands down is for its own targets.
	release.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "IMAGE=")
	})
	release.Env = append(release.Env, "KO_DOCKER_REPO="+repository, "KO_DEFAULTBASEIMAGE="+pushBase(t, host),
		"KO_DEFAULTPLATFORMS=linux/"+runtime.GOARCH, "DOCKER_CONFIG="+t.TempDir())
	if said, err := release.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, said)
	}
	released, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	reference := checkManifests(t, string(released), repository+"/controller")
	digest, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, image)
	for _, tag := range []string{version, strings.Replace(digest.DigestStr(), ":", "-", 1) + ".sbom"} {
		if _, err := remote.Head(digest.Context().Tag(tag)); err != nil {
			t.Errorf("tag %s: %v", tag, err)
		}
	}
}

// pushBase pushes an image that stands for the one of .ko.yaml, with nothing in it but the user.
func pushBase(t *testing.T, host string) string {
	t.Helper()
	base, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, Config: v1.Config{User: user}, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(host + "/base:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, base); err != nil {
		t.Fatal(err)
	}
	return tag.String()
}

// checkManifests wants the objects of config/ in their order, with the version and the image filled in, and gives its
// reference.
func checkManifests(t *testing.T, released, repository string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "config", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	byDigest := regexp.MustCompile(`image: (` + regexp.QuoteMeta(repository+":"+version) + `@sha256:[0-9a-f]{64})\n`)
	match := byDigest.FindStringSubmatch(released)
	if match == nil {
		t.Fatalf("no image in %s is named by its digest", repository)
	}
	reference := match[1]
	fill := strings.NewReplacer("ko://"+command, reference, "version: devel\n", "version: "+version+"\n")
	var sources []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, fill.Replace(string(data)))
	}
	if d := cmp.Diff(objects(t, strings.Join(sources, "\n---\n")), objects(t, released)); d != "" {
		t.Error(d)
	}
	return reference
}

func objects(t *testing.T, stream string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for document := range strings.SplitSeq("\n"+stream, "\n---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			all = append(all, o)
		}
	}
	return all
}

// checkImage wants the static controller in the image, started as the user of the base.
func checkImage(t *testing.T, image v1.Image) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	const program = "/ko-app/controller"
	if got := strings.Join(config.Config.Entrypoint, " "); got != program || config.Config.User != user {
		t.Errorf("entrypoint %q as %q", got, config.Config.User)
	}
	info, err := buildinfo.Read(bytes.NewReader(file(t, image, program)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"path": info.Path}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "CGO_ENABLED", "-trimpath", "GOOS":
			got[setting.Key] = setting.Value
		}
	}
	if d := cmp.Diff(map[string]string{"path": command, "CGO_ENABLED": "0", "-trimpath": "true", "GOOS": "linux"}, got); d != "" {
		t.Error(d)
	}
}

func file(t *testing.T, image v1.Image, name string) []byte {
	t.Helper()
	layers := mutate.Extract(image)
	defer layers.Close()
	for archive := tar.NewReader(layers); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("the image has no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Clean("/"+header.Name) == name && header.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			return content
		}
	}
}
