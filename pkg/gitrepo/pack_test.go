package gitrepo

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// entry is an object of a hand-made pack, as it is in the pack.
type entry struct {
	kind   byte // 3 a blob, 6 and 7 deltas
	size   uint64
	prefix string // of a delta: the name of its base, or ^ for the entry before it
	data   string
}

func makePack(entries ...entry) []byte {
	var b bytes.Buffer
	b.WriteString("PACK\x00\x00\x00\x02")
	_ = binary.Write(&b, binary.BigEndian, uint32(len(entries)))
	before := 0
	for _, e := range entries {
		at := b.Len()
		first := e.kind<<4 | byte(e.size&15)
		if rest := e.size >> 4; rest > 0 {
			b.WriteByte(first | 0x80)
			b.Write(binary.AppendUvarint(nil, rest))
		} else {
			b.WriteByte(first)
		}
		if e.prefix == "^" {
			e.prefix = string(rune(at - before)) // below 128: one byte
		}
		before = at
		b.WriteString(e.prefix)
		z := zlib.NewWriter(&b)
		_, _ = z.Write([]byte(e.data))
		_ = z.Close()
	}
	sum := sha1.Sum(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

func TestReadPack(t *testing.T) {
	blob := plumbing.ComputeHash(plumbing.BlobObject, []byte("base"))
	// Copies the base twice: sizes 4 and 8, then two copy commands.
	twice := "\x04\x08\x90\x04\x90\x04"
	// Copies 16 MiB less one byte a thousand times, as it claims.
	bomb := "\x04" + string(binary.AppendUvarint(nil, 1000<<24)) + strings.Repeat("\xf0\xff\xff\xff", 1000)
	cases := map[string]struct {
		pack []byte
		want string // the content that must be there
		err  error  // nil with want "": any error
	}{
		"a blob":                  {makePack(entry{3, 4, "", "base"}), "base", nil},
		"a delta by offset":       {makePack(entry{3, 4, "", "base"}, entry{6, 6, "^", twice}), "basebase", nil},
		"a delta before its base": {makePack(entry{7, 6, string(blob[:]), twice}, entry{3, 4, "", "base"}), "basebase", nil},
		"a delta without a base":  {makePack(entry{7, 6, strings.Repeat("x", 20), twice}), "", nil},
		"a claim above the limit": {makePack(entry{3, 1 << 40, "", "base"}), "", ErrTooLarge},
		"a claim below the truth": {makePack(entry{3, 3, "", "base"}), "", nil},
		"a claim above the truth": {makePack(entry{3, 5, "", "base"}), "", nil},
		"a delta that explodes":   {makePack(entry{3, 4, "", "base"}, entry{6, uint64(len(bomb)), "^", bomb}), "", ErrTooLarge},
		"an unknown kind":         {makePack(entry{5, 4, "", "base"}), "", nil},
		"many objects":            {makePack(entry{3, 1, "", "a"}, entry{3, 1, "", "b"}, entry{3, 1, "", "c"}), "", errManyObjects},
		"a pack that ends early":  {makePack(entry{3, 4, "", "base"})[:14], "", nil},
		"a pack with an error":    {append(makePack(entry{3, 4, "", "base"})[:30], 0, 0, 0, 0), "", nil},
		"no pack":                 {[]byte("<html>"), "", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			store := newObjects(1 << 20)
			err := store.readPack(bytes.NewReader(c.pack), 2)
			if _, ok := store.byID[plumbing.ComputeHash(plumbing.BlobObject, []byte(c.want))]; ok != (c.want != "") {
				t.Errorf("has %q: %v", c.want, ok)
			}
			if c.want != "" != (err == nil) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("error is %v, want %v", err, c.err)
			}
		})
	}
}

func FuzzReadPack(f *testing.F) {
	f.Add(makePack(entry{3, 4, "", "base"}, entry{6, 6, "^", "\x04\x08\x90\x04\x90\x04"}))
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, pack []byte) {
		store := newObjects(1 << 16)
		_ = store.readPack(bytes.NewReader(pack), 0)
		var kept int64
		for _, o := range store.byID {
			kept += int64(len(o.data))
		}
		if store.left < 0 || kept > 1<<16 {
			t.Errorf("%d bytes are kept, %d are left, of %d", kept, store.left, 1<<16)
		}
	})
}

func TestVeryLargeRepositoryStaysBelowTheLimit(t *testing.T) {
	srv := gittest.Start(t)
	repo := srv.Generate(t, "large.git", 6000, 3)
	repo.Git("config", "uploadpack.allowFilter", "false")
	r := open(t, repo, Options{MaxTotalBytes: 512 << 10})
	tip, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Snapshot(t.Context(), tip)
	wantError(t, err, ErrTooLarge)
	if err == nil || !strings.Contains(err.Error(), "uploadpack.allowFilter") {
		t.Errorf("error does not say what to do: %v", err)
	}
	repo.Git("config", "uploadpack.allowFilter", "true")
	if _, err := snapshot(t, open(t, repo, Options{MaxTotalBytes: 512 << 10})).ReadFile(t.Context(), gittest.TargetPath); err != nil {
		t.Errorf("with partial fetch: %v", err)
	}
}

// A server that never stops talking, on each request.
func TestEndlessAnswers(t *testing.T) {
	for _, step := range []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		srv := gittest.Start(t)
		repo := sampleRepo(t, srv)
		r := open(t, repo, Options{MaxTotalBytes: 1 << 20})
		s, commit, files := plan(t, r, "")
		srv.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !strings.HasSuffix(r.URL.Path, step) {
				return false
			}
			kind := "application/x-git-upload-pack-advertisement"
			if r.Method == http.MethodPost {
				kind = "application/x-" + strings.TrimPrefix(step, "/") + "-result"
			}
			w.Header().Set("Content-Type", kind)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte("0032\x02" + strings.Repeat("x", 45))); err != nil {
					return true
				}
			}
			return true
		})
		var err error
		switch step {
		case "/info/refs":
			_, err = r.Tip(t.Context())
		case "/git-upload-pack":
			_, err = r.Snapshot(t.Context(), s.Commit())
		default:
			err = r.Push(t.Context(), s, commit, files)
		}
		if err == nil {
			t.Errorf("%s: no error", step)
		}
	}
}
