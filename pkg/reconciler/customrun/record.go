package customrun

import (
	"context"
	"fmt"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
)

// recordSuccess writes what is deployed into the lock's GitOpsRecord and tells whether it had to. A record that names
// this run already is left alone, so that a repeated call writes nothing.
func (r *Reconciler) recordSuccess(ctx context.Context, run *run) (written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	records := r.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(run.Namespace)
	current, err := readRecord(ctx, records, run.cp.Lock)
	if err != nil {
		return false, err
	}
	if current != nil && current.RunUID == string(run.UID) {
		return false, nil
	}
	if current != nil && run.data.Request.VerifyOnly() && !run.data.Outcome.Changed {
		// What the record says of the deployment that was verified is more than this run knows.
		return false, nil
	}
	wanted := r.newRecord(run, current)
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted)
	if err != nil {
		return false, fmt.Errorf("encode record %s: %w", run.cp.Lock, err)
	}
	if err := r.confirm(ctx, run); err != nil {
		return false, err
	}
	failpoint.Here(failpoint.RecordBefore)
	if current == nil {
		_, err = records.Create(ctx, &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
	} else {
		_, err = records.Update(ctx, &unstructured.Unstructured{Object: object}, metav1.UpdateOptions{})
	}
	failpoint.Here(failpoint.RecordAfter)
	if err != nil {
		return false, fmt.Errorf("write GitOpsRecord %s: %w", run.cp.Lock, err)
	}
	return true, nil
}

func readRecord(ctx context.Context, records dynamic.ResourceInterface, name string) (*v1alpha1.GitOpsRecord, error) {
	object, err := records.Get(ctx, name, getOptions)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read GitOpsRecord %s: %w", name, err)
	}
	record := &v1alpha1.GitOpsRecord{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, record); err != nil {
		return nil, fmt.Errorf("read GitOpsRecord %s: %w", name, err)
	}
	return record, nil
}

// newRecord is the record after this run, with the one before it in the history.
func (r *Reconciler) newRecord(run *run, current *v1alpha1.GitOpsRecord) *v1alpha1.GitOpsRecord {
	req, o := run.data.Request, run.data.Outcome
	record := &v1alpha1.GitOpsRecord{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsRecord},
		ObjectMeta: metav1.ObjectMeta{Namespace: run.Namespace, Name: run.cp.Lock},
		Lock:       run.cp.Lock,
	}
	if current != nil {
		record.ObjectMeta = current.ObjectMeta
		history := append([]v1alpha1.Deployed{current.Deployed}, current.History...)
		record.History = history[:min(len(history), v1alpha1.RecordHistory)]
	}
	record.Deployed = v1alpha1.Deployed{
		Time: metav1.NewTime(r.clock.Now()), Run: run.Name, RunUID: string(run.UID), PipelineRun: req.Run.PipelineRun,
		Commit: o.Commit, Revision: run.revision(), Live: o.Live, Summary: summary(run),
	}
	if req.Git != nil {
		record.Repository = req.Git.URL
	}
	var names []string
	for _, app := range run.data.Apps {
		names = append(names, appOf(app.Application).String())
	}
	record.Application = strings.Join(names, ",")
	return record
}

// revision is what the first application has synced.
func (run *run) revision() string {
	if len(run.data.Apps) == 0 {
		return ""
	}
	return run.data.Apps[0].Revision
}

// summary is the first image and how many more there are.
func summary(run *run) string {
	targets := run.data.Targets
	switch len(targets) {
	case 0:
		return ""
	case 1:
		return targets[0].String()
	}
	return fmt.Sprintf("%s (+%d)", targets[0], len(targets)-1)
}
