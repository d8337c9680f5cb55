package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTextsOfServersCannotControlTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 漢 ✓":           "plain ä 漢 ✓",
		"\x1b]0;title\x07text":  "]0;titletext",
		"\x1b[2J\rgone\u009b1A": "[2Jgone1A",
		"right\u202eleft":       "rightleft",
		"two\nlines\tand tab":   "two\nlines\tand tab",
		"bad \xff byte":         "bad \uFFFD byte",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestDurationsAsPeopleReadThem(t *testing.T) {
	for in, want := range map[time.Duration][2]string{
		-time.Second:                        {"0.0s", "0s"},
		40 * time.Millisecond:               {"0.0s", "0s"},
		1270 * time.Millisecond:             {"1.2s", "1s"},
		59990 * time.Millisecond:            {"59.9s", "59s"},
		time.Minute:                         {"1m00s", "1m00s"},
		61*time.Minute + 5*time.Second:      {"1h01m", "1h01m"},
		49*time.Hour + 59*time.Minute:       {"2d01h", "2d01h"},
		3*time.Minute + 7*time.Second + 999: {"3m07s", "3m07s"},
	} {
		if d := cmp.Diff(want, [2]string{took(in), roughly(in)}); d != "" {
			t.Errorf("%s: %s", in, d)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		in    string
		limit int
		want  string
	}{
		{"fits", 4, "fits"},
		{"does not", 5, "does…"},
		{"does not", 6, "does…"},
		{"漢字漢字", 8, "漢字漢字"},
		{"漢字漢字", 7, "漢字漢…"},
		{"漢字漢字", 6, "漢字…"},
		{"x", 0, ""},
		{"ab", 1, "…"},
	} {
		got := cut(tc.in, tc.limit)
		if got != tc.want || columns(got) > tc.limit {
			t.Errorf("%q in %d columns is %q, want %q", tc.in, tc.limit, got, tc.want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := wrap("one two three\n\nhttps://a.very.long/address four", 10)
	if d := cmp.Diff([]string{"one two", "three", "", "https://a.very.long/address", "four"}, got); d != "" {
		t.Error(d)
	}
}

func TestNames(t *testing.T) {
	names := []string{"release-42-deploy-dev", "release-42-promote", "hotfix", "release-43-deploy-dev", "unrelated"}
	for typed, want := range map[string][]string{
		"release-42-deploy-dv": {"release-42-deploy-dev", "release-43-deploy-dev"},
		"hotfx":                {"hotfix"},
		"deploy":               {"release-42-deploy-dev", "release-43-deploy-dev"},
		"something-else":       nil,
		"":                     nil,
	} {
		if d := cmp.Diff(want, near(typed, names)); d != "" {
			t.Errorf("%q: %s", typed, d)
		}
	}
}
