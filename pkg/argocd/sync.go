package argocd

import (
	"context"
	"errors"
	"fmt"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
)

// The names under which a sync carries who asked for it. Argo CD shows them with
// the operation and keeps them in status.operationState.operation.info.
const (
	infoRun     = "Tekton-CustomRun-UID"
	infoAttempt = "Tekton-CustomRun-Attempt"
)

// SyncRequest is what to sync and how.
type SyncRequest struct {
	// Revision pins a commit. Empty, as it should be: what the Application tracks.
	Revision string
	// Position is the source of Revision, counted from 1; 0 for an Application with
	// one source.
	Position int
	Prune    bool
	// Options replace the Application's own sync options, all of them; none leaves
	// them. Any that Argo CD knows may be given, such as ServerSideApply=true,
	// Replace=true, or ApplyOutOfSyncOnly=true (a sync that is asked for because of a
	// difference that Argo CD ignores then changes nothing; the verdict is the same).
	Options []string
	// Run and Attempt mark the operation, so that it is known again.
	Run     string
	Attempt int
}

// Sync asks for a sync operation and returns once Argo CD has accepted it.
// Errors besides the general ones: ErrOperationInProgress, ErrSyncWindow,
// ErrAutoSyncRevision, ErrDeleting, ErrProject.
func (c *Conn) Sync(ctx context.Context, app App, r SyncRequest) error {
	request := &applicationpkg.ApplicationSyncRequest{
		Name:         &app.Name,
		AppNamespace: optional(app.Namespace),
		Project:      optional(app.Project),
		Prune:        &r.Prune,
		Infos: []*v1alpha1.Info{
			{Name: infoRun, Value: r.Run},
			{Name: infoAttempt, Value: fmt.Sprint(r.Attempt)},
		},
		// Without it the Application's own retry strategy applies.
		RetryStrategy: &v1alpha1.RetryStrategy{Limit: 0},
	}
	switch {
	case r.Revision == "":
	case r.Position > 0:
		request.Revisions, request.SourcePositions = []string{r.Revision}, []int64{int64(r.Position)}
	default:
		request.Revision = &r.Revision
	}
	if len(r.Options) > 0 {
		request.SyncOptions = &applicationpkg.SyncOptions{Items: r.Options}
	}
	err := c.call(ctx, "sync application "+app.String(), func(ctx context.Context, token grpc.CallOption) error {
		_, err := c.applications().Sync(ctx, request, token)
		return err
	})
	if errors.Is(err, ErrAutoSyncRevision) {
		return fmt.Errorf("%w: remove pinRevision, or auto-sync", err)
	}
	return err
}

// Terminate ends the operation with this Operation.ID, and no other: the
// Application is read again right before. Nil means that it was told to end, or
// that it does not run any more; look again. Argo CD does not take a condition, so
// what begins in the moment between is hit; an operation that this run has begun
// is not, as long as its syncs and terminations come one after the other.
func (c *Conn) Terminate(ctx context.Context, app App, operation string) error {
	o, err := c.Get(ctx, app, RefreshNone)
	if err != nil {
		return err
	}
	if op := o.Operation; !o.Running || op.ID() != operation || op.Phase == PhaseTerminating {
		return nil
	}
	var raw error
	err = c.call(ctx, "terminate the operation of application "+app.String(), func(ctx context.Context, token grpc.CallOption) error {
		_, raw = c.applications().TerminateOperation(ctx, &applicationpkg.OperationTerminateRequest{
			Name: &app.Name, AppNamespace: optional(app.Namespace), Project: optional(app.Project),
		}, token)
		return raw
	})
	if nothingRuns(raw) {
		return nil
	}
	return c.denied(ctx, app, verbSync, err)
}
