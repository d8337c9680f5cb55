package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is found to testdata/real/*.want")

// What the real controllers of Kubernetes 1.33.13 wrote, each time that the
// verdict changed, and the pods that there were at the end of each step. TestWorkloads in test/localcluster records it.
func TestRecorded(t *testing.T) {
	recordings, err := filepath.Glob("testdata/real/*.jsonl")
	if err != nil || len(recordings) < 12 {
		t.Fatalf("%d recordings: %v", len(recordings), err)
	}
	for _, path := range recordings {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".jsonl"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := play(text)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(path, ".jsonl") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// play is what this package says of a recording, one line per object.
func play(text []byte) (string, error) {
	var said strings.Builder
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var step struct {
			Step    string
			Objects []json.RawMessage
			Pods    []json.RawMessage
		}
		if err := decoder.Decode(&step); errors.Is(err, io.EOF) {
			return said.String(), nil
		} else if err != nil {
			return "", err
		}
		fmt.Fprintf(&said, "%s\n", step.Step)
		var v Verdict
		for _, object := range step.Objects {
			var err error
			if v, err = Check(object); err != nil {
				return "", err
			}
			fmt.Fprintf(&said, "  %s: %s\n    generation %d, revision %d, pods %q of %d/%d/%d, restarted %q, %v\n",
				v.State, v.Why, v.Generation, v.Revision, v.PodHash, v.Replicas, v.Updated, v.Available, v.RestartedAt, v.Images)
		}
		var pods []Pod
		for _, manifest := range step.Pods {
			current, err := Current(manifest, v)
			if err != nil {
				return "", err
			}
			digest, err := Digest(manifest, "server")
			if err != nil {
				return "", err
			}
			var object struct{ Metadata struct{ Name string } }
			if err := json.Unmarshal(manifest, &object); err != nil {
				return "", err
			}
			pods = append(pods, Pod{Name: object.Metadata.Name, Manifest: manifest})
			fmt.Fprintf(&said, "  pod %s: current %t, digest %q\n", object.Metadata.Name, current, digest)
		}
		if failure, failed := Diagnose(pods, v); failed {
			fmt.Fprintf(&said, "  %s\n", failure)
		}
	}
}
