package e2e

import (
	"encoding/base64"
	"testing"
)

// The checks that look for what must not be have to see it where it is.

func TestScanSeesSecrets(t *testing.T) {
	t.Parallel()
	var s secretValues
	s.add("hunter-2-hunter-2")
	header := base64.StdEncoding.EncodeToString([]byte(bed.Git.Writer.Username + ":hunter-2-hunter-2"))
	for text, want := range map[string]bool{
		"nothing here":                           false,
		`{"error":"hunter-2-hunter-2 is wrong"}`: true,
		"Authorization: Basic " + header:         true,
		"data: " + base64.StdEncoding.EncodeToString([]byte("hunter-2-hunter-2")): true,
	} {
		if _, got := s.find(text); got != want {
			t.Errorf("find in %q: %t, want %t", text, got, want)
		}
	}
}

func TestMutualExclusionSeesTwoAtWork(t *testing.T) {
	t.Parallel()
	const lock, a, b = "l", "ns/a/1", "ns/b/2"
	for name, c := range map[string]struct {
		changes []change
		fails   bool
	}{
		"one after the other": {[]change{{lease: lock, holder: a}, {run: "a", phase: "Publishing"}, {run: "a", phase: "Releasing"}, {lease: lock}, {lease: lock, holder: b}, {run: "b", phase: "Syncing"}, {run: "a"}}, false},
		"two at work":         {[]change{{lease: lock, holder: a}, {run: "a", phase: "Publishing"}, {run: "b", phase: "Syncing"}}, true},
		"at work without it":  {[]change{{run: "a", phase: "Verifying"}}, true},
		"taken while held":    {[]change{{lease: lock, holder: a}, {lease: lock, holder: b}}, true},
	} {
		if err := mutualExclusion(lock, c.changes); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}
