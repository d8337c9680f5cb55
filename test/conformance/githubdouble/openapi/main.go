// Command openapi takes from GitHub's published descriptions of its API what the double and its clients use, and writes it
// into testdata, with the licences. Run it in the root of the module:
//
//	go run ./test/conformance/githubdouble/openapi
//
// It downloads the two npm packages below, checks them, and keeps: of the REST API the operations in operations, with all
// that they refer to, without texts and examples; of the GraphQL API the types in types. For another version, change the
// package's version and run it: it fails and prints the new digest. For another operation, add it to the list.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// source is an npm package: its digest is the registry's "integrity".
type source struct {
	name, file, version, digest string
	description, licence        string // paths in the package
}

var (
	rest = source{
		name: "@octokit/openapi", file: "openapi", version: "23.0.2",
		digest:      "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
		description: "package/generated/api.github.com.json", licence: "package/LICENSE",
	}
	graphql = source{
		name: "@octokit/graphql-schema", file: "graphql-schema", version: "15.26.1",
		digest:      "RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
		description: "package/schema.json", licence: "package/LICENSE.md",
	}
)

// maxPackage bounds a download, and maxFile a file in it.
const (
	maxPackage = 64 << 20
	maxFile    = 64 << 20
)

func main() {
	if err := generate(filepath.Join("test", "conformance", "githubdouble", "testdata")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, part := range []struct {
		source
		prune func([]byte) (any, error)
		out   string
	}{
		{rest, pruneREST, "rest"},
		{graphql, pruneGraphQL, "graphql"},
	} {
		files, err := part.fetch(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		pruned, err := part.prune(files[part.description])
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(pruned); err != nil {
			return err
		}
		origin := fmt.Sprintf("%s.json is a part of %s of the npm package %s, version %s, with this licence:\n\n",
			part.out, filepath.Base(part.description), part.name, part.version)
		for name, data := range map[string][]byte{
			part.out + ".json":    out.Bytes(),
			part.out + ".LICENSE": append([]byte(origin), files[part.licence]...),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch downloads the package and returns the two files.
func (s source) fetch(ctx context.Context) (map[string][]byte, error) {
	url := fmt.Sprintf("https://registry.npmjs.org/%s/-/%s-%s.tgz", s.name, s.file, s.version)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	packed, err := io.ReadAll(io.LimitReader(response.Body, maxPackage))
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(packed)
	if digest := base64.StdEncoding.EncodeToString(sum[:]); digest != s.digest {
		return nil, fmt.Errorf("%s has the digest %s, not %s", url, digest, s.digest)
	}
	return s.unpack(packed)
}

func (s source) unpack(packed []byte) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if header.Name != s.description && header.Name != s.licence {
			continue
		}
		if files[header.Name], err = io.ReadAll(io.LimitReader(archive, maxFile)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{s.description, s.licence} {
		if len(files[name]) == 0 {
			return nil, fmt.Errorf("%s is not in the package", name)
		}
	}
	return files, nil
}
