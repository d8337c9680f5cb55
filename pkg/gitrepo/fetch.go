package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// errManyObjects: the pack has more objects than the caller wants to receive.
var errManyObjects = errors.New("pack has many objects")

// refusal is upload-pack's answer to a request that it will not serve. What to do about it depends
// on the request: another way to ask, or an error.
type refusal struct{ text string }

func (e *refusal) Error() string { return "server refuses to send objects: " + e.text }

// request is one fetch.
type request struct {
	wants  []plumbing.Hash
	have   plumbing.Hash // zero for none
	depth  int           // 0 for all of the history
	filter packp.Filter  // "" for none
	// maxCount is the number of objects above which nothing is read; 0 for any.
	maxCount uint32
}

// answer is what a fetch says besides the objects.
type answer struct {
	shallow []plumbing.Hash // commits whose parents were left out because of depth
	acked   bool            // the server knows the commit that we said to have
}

// fetch asks upload-pack once and reads the objects into the store.
func (r *Repository) fetch(ctx context.Context, q request, into *objects) (answer, error) {
	up := r.newRequest(q)
	var buf bytes.Buffer
	if err := up.UploadRequest.Encode(&buf); err != nil {
		return answer{}, err
	}
	if err := up.UploadHaves.Encode(&buf, false); err != nil {
		return answer{}, err
	}
	if err := pktline.NewEncoder(&buf).EncodeString("done\n"); err != nil {
		return answer{}, err
	}
	body, err := r.transport.call(ctx, uploadPack, buf.Bytes())
	if err != nil {
		return answer{}, err
	}
	defer body.Close()

	res := packp.NewUploadPackResponse(up)
	if err := res.Decode(body); err != nil {
		return answer{}, refused(err)
	}
	var pack io.Reader = res
	if up.Capabilities.Supports(capability.Sideband64k) {
		pack = sideband.NewDemuxer(sideband.Sideband64k, res)
	}
	if err := into.readPack(pack, q.maxCount); err != nil {
		return answer{}, refused(err)
	}
	return answer{shallow: res.Shallows, acked: len(res.ACKs) > 0}, nil
}

// newRequest asks only for capabilities that the server has. The thin-pack capability is left out:
// deltas against objects that were never fetched could not be resolved. So is multi_ack, which
// go-git cannot decode.
func (r *Repository) newRequest(q request) *packp.UploadPackRequest {
	up := packp.NewUploadPackRequest()
	for _, c := range []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress} {
		if r.caps.Supports(c) {
			_ = up.Capabilities.Set(c)
		}
	}
	if r.caps.Supports(capability.Agent) {
		_ = up.Capabilities.Set(capability.Agent, "tekton-gitops")
	}
	up.Wants = q.wants
	if !q.have.IsZero() {
		up.Haves = []plumbing.Hash{q.have}
	}
	if q.depth > 0 && r.caps.Supports(capability.Shallow) {
		_ = up.Capabilities.Set(capability.Shallow)
		up.Depth = packp.DepthCommits(q.depth)
	}
	if q.filter != "" && r.caps.Supports(capability.Filter) {
		_ = up.Capabilities.Set(capability.Filter)
		up.Filter = q.filter
	}
	return up
}

// refused tells a refusal from a broken answer. Old servers die without a word: then the answer ends
// where the pack should begin.
func refused(err error) error {
	var line *pktline.ErrorLine
	var no *refusal
	switch {
	case errors.As(err, &line):
		return &refusal{text: line.Text}
	case errors.As(err, &no):
		return no
	case errors.Is(err, packfile.ErrEmptyPackfile):
		return &refusal{text: "it sent no pack"}
	case errors.Is(err, pktline.ErrInvalidPktLen):
		return fmt.Errorf("%w: %w", ErrNotGit, err)
	}
	return err
}
