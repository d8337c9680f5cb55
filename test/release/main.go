// Command release writes the one file that installs a version: the manifests of config/ with the version filled in, and
// the image by its digest. `make release` runs it; with "-" it finishes what `ko resolve -f config/` has printed.
//
// It changes nothing else, comments included, and writes nothing where a part of a release would be missing: a version
// that is none, an image without a digest, a reference that only ko understands. It does not look whether the image exists.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	version := flag.String("version", "", "the version, such as v0.1.0")
	image := flag.String("image", "", "the controller's image, HOST/NAME@sha256:…; without it, the manifests must have one")
	out := flag.String("o", "", "the file to write; standard output without it")
	flag.Parse()
	if err := run(flag.Arg(0), *out, release{version: *version, image: *image}); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(from, to string, r release) error {
	manifests, err := read(from)
	if err != nil {
		return err
	}
	rendered, err := r.render(manifests)
	if err != nil {
		return err
	}
	if to == "" {
		_, err = os.Stdout.Write(rendered)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, rendered, 0o644)
}

// read gives the manifests of a directory in the order of their names, as kubectl and ko take them, or of standard input.
func read(from string) ([]byte, error) {
	if from == "-" {
		return io.ReadAll(os.Stdin)
	}
	paths, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no manifests in %q: name their directory, or - for standard input", from)
	}
	var all bytes.Buffer
	for _, path := range paths {
		manifest, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all.WriteString("---\n")
		all.Write(bytes.TrimPrefix(manifest, []byte("---\n")))
	}
	return all.Bytes(), nil
}

// release is what the manifests do not know.
type release struct{ version, image string }

func (r release) render(manifests []byte) ([]byte, error) {
	var (
		// The version of config/ is "devel": in labels, and in the ConfigMap gitops-info.
		development = regexp.MustCompile(`(?m)^(\s*(?:app\.kubernetes\.io/)?version: )devel$`)
		forKo       = regexp.MustCompile(`\bko://\S+`)
		anyImage    = regexp.MustCompile(`(?m)^[ -]*image: (.*)$`)
		byDigest    = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)
	)
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(r.version) {
		return nil, fmt.Errorf("%q is no version: it has to look like v0.1.0 or v0.1.0-rc.1", r.version)
	}
	if !development.Match(manifests) {
		return nil, errors.New("the manifests have no version devel to replace: they are not those of config/")
	}
	rendered := development.ReplaceAll(manifests, []byte("${1}"+r.version))
	if r.image != "" {
		rendered = forKo.ReplaceAllLiteral(rendered, []byte(r.image))
	}
	images := anyImage.FindAllSubmatch(rendered, -1)
	if len(images) == 0 {
		return nil, errors.New("the manifests have no image")
	}
	for _, image := range images {
		if !byDigest.Match(image[1]) {
			return nil, fmt.Errorf("image %s is not by digest: give -image HOST/NAME@sha256:…, or let ko resolve the manifests", image[1])
		}
	}
	return rendered, nil
}
