package request

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// saidSpec is what a spec says of everything but the update.
type saidSpec struct {
	ArgoCD  *ArgoCD
	Verify  Verify
	Lock    Lock
	Restart bool
}

func TestApplications(t *testing.T) {
	sync := Sync{Timeout: duration(10 * time.Minute)}
	verify := Verify{Health: HealthApplication, Timeout: duration(10 * time.Minute), FailureGrace: duration(30 * time.Second)}
	labels := map[string]string{"app.io/team": "shop", "env": "dev", "on": ""}
	const secret = "secretRef: {name: s}"
	for name, tc := range map[string]struct {
		spec   string
		params []pipelinev1beta1.Param
		want   saidSpec
	}{
		"several": {
			spec: "lock: {name: l, queue: Latest, timeout: '0'}\nargocd: {" + secret + ", applications: [{name: a}, {name: a, namespace: apps}, {name: b.c, project: p}]}",
			want: saidSpec{
				ArgoCD: &ArgoCD{Secret: "s", Applications: []Application{{Name: "a"}, {Name: "a", Namespace: "apps"}, {Name: "b.c", Project: "p"}}, Sync: sync},
				Verify: verify, Lock: Lock{Name: "l", Latest: true},
			},
		},
		"a selector, and every choice": {
			spec: `
params: [{name: team}, {name: flag, default: ""}]
lock: {name: l, queue: FIFO}
restart: "true"
argocd:
  server: argo
  transport: grpc-web
  secretRef: {name: s}
  selector: {matchLabels: {env: dev, app.io/team: $(params.team), "on": $(params.flag)}, namespace: apps, project: p}
  sync: {prune: "true", options: [Replace=true], pinRevision: "true", window: Wait, onForeignOperation: Terminate, timeout: 168h}
verify:
  workloads: [{kind: DaemonSet, name: a}, {kind: StatefulSet, name: a}, {kind: Rollout, name: a, namespace: ns, container: c}]
  timeout: 1s
`,
			params: []pipelinev1beta1.Param{param("team", "shop")},
			want: saidSpec{
				ArgoCD: &ArgoCD{
					Server: "argo", Web: true, Secret: "s",
					Selector: &Selector{MatchLabels: labels, Namespace: "apps", Project: "p"},
					Sync:     Sync{Prune: true, Options: []string{"Replace=true"}, PinRevision: true, WaitForWindow: true, TerminateForeign: true, Timeout: duration(168 * time.Hour)},
				},
				Verify: Verify{
					Workloads: []Workload{{Kind: "DaemonSet", Name: "a"}, {Kind: "StatefulSet", Name: "a"}, {Kind: "Rollout", Name: "a", Namespace: "ns", Container: "c"}},
					Health:    HealthApplication, Timeout: duration(time.Second), FailureGrace: duration(30 * time.Second),
				},
				Lock: Lock{Name: "l", Timeout: duration(30 * time.Minute)}, Restart: true,
			},
		},
		"the other choices": {
			spec: "lock: {name: l}\nrestart: 'false'\nargocd: {" + secret + ", transport: grpc, applications: [{name: a}], sync: {pinRevision: 'false', window: Fail, onForeignOperation: Wait}}\nverify: {workloads: [{kind: CronJob, name: a}, {kind: Job, name: a}]}",
			want: saidSpec{
				ArgoCD: &ArgoCD{Secret: "s", Applications: []Application{{Name: "a"}}, Sync: sync},
				Verify: Verify{Workloads: []Workload{{Kind: "CronJob", Name: "a"}, {Kind: "Job", Name: "a"}}, Health: HealthApplication, Timeout: verify.Timeout, FailureGrace: verify.FailureGrace},
				Lock:   Lock{Name: "l", Timeout: duration(30 * time.Minute)},
			},
		},
		"empty choices": {
			spec: "lock: {name: l, queue: ''}\nrestart: ''\nonFailure: ''\ndryRun: ''\nargocd: {" + secret + ", transport: '', applications: [{name: a}], sync: {pinRevision: '', window: '', onForeignOperation: ''}}",
			want: saidSpec{
				ArgoCD: &ArgoCD{Secret: "s", Applications: []Application{{Name: "a"}}, Sync: sync},
				Verify: verify, Lock: Lock{Name: "l", Timeout: duration(30 * time.Minute)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Resolve(t.Context(), embedded(t, tc.spec, tc.params...), stored{}, Defaults{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, saidSpec{r.ArgoCD, r.Verify, r.Lock, r.Restart}, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplicationsRefuse(t *testing.T) {
	argo := func(fields string) string { return "argocd: {secretRef: {name: s}, " + fields + "}\n" }
	app := argo("applications: [{name: a}]")
	many := func(n int) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf("{name: a%d}", i))
		}
		return strings.Join(items, ",")
	}
	for name, tc := range map[string]struct{ spec, want string }{
		"too many":                   {argo("applications: [" + many(17) + "]"), "spec.argocd.applications: has 17 items: at most 16"},
		"one twice":                  {argo("applications: [{name: a, namespace: ns}, {name: a}, {name: a, namespace: ns, project: p}]"), `spec.argocd.applications[2].name: "a" is there twice`},
		"name that is none":          {argo("applications: [{name: A}]"), `spec.argocd.applications[0].name: is "A": write the name of an object: lower case letters, digits, '-' and '.'`},
		"project that is none":       {argo("applications: [{name: a, project: P}]"), `spec.argocd.applications[0].project: is "P": write the name of an object: lower case letters, digits, '-' and '.'`},
		"selector and applications":  {argo("applications: [{name: a}], selector: {matchLabels: {a: b}}"), "spec.argocd.selector: excludes applications: choose them by name or by labels"},
		"selector of nothing":        {argo("selector: {}"), "spec.argocd.selector.matchLabels: missing: give at least one label"},
		"selector, label's name":     {argo("selector: {matchLabels: {'a b': c}}"), `spec.argocd.selector.matchLabels: has the key "a b": write the name of a label`},
		"selector, variable as name": {argo("selector: {matchLabels: {$(context.customRun.name): c}}"), `spec.argocd.selector.matchLabels: has the key "$(context.customRun.name)": write the name of a label`},
		"selector, label's value":    {argo("selector: {matchLabels: {a: 'b c'}}"), `spec.argocd.selector.matchLabels: has the value "b c": write the value of a label: at most 63 letters, digits, '-', '_' and '.'`},
		"selector, variable left":    {argo("selector: {matchLabels: {a: '$$(x)'}}"), `spec.argocd.selector.matchLabels: holds a variable that nothing has replaced: "$(x)"`},
		"selector, namespace":        {argo("selector: {matchLabels: {a: b}, namespace: n.m}"), `spec.argocd.selector.namespace: is "n.m": write a name of lower case letters, digits and '-', at most 63 characters`},
		"selector, project":          {argo("selector: {matchLabels: {a: b}, project: P}"), `spec.argocd.selector.project: is "P": write the name of an object: lower case letters, digits, '-' and '.'`},
		"selector, too many labels":  {argo("selector: {matchLabels: {" + strings.ReplaceAll(strings.ReplaceAll(many(17), "{name: ", ""), "}", ": b") + "}}"), "spec.argocd.selector.matchLabels: has 17 labels: at most 16"},
		"selector without a Secret":  {"argocd: {selector: {matchLabels: {a: b}}}", "spec.argocd.secretRef.name: missing: name a Secret with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD"},
		"transport":                  {argo("applications: [{name: a}], transport: gRPC"), `spec.argocd.transport: is "gRPC": write grpc or grpc-web`},
		"window":                     {argo("applications: [{name: a}], sync: {window: wait}"), `spec.argocd.sync.window: is "wait": write Fail or Wait`},
		"foreign operation":          {argo("applications: [{name: a}], sync: {onForeignOperation: Fail}"), `spec.argocd.sync.onForeignOperation: is "Fail": write Wait or Terminate`},
		"pinRevision":                {argo("applications: [{name: a}], sync: {pinRevision: 'yes'}"), `spec.argocd.sync.pinRevision: is "yes": write true or false`},
		"queue":                      {app + "lock: {queue: LIFO}", `spec.lock.queue: is "LIFO": write FIFO or Latest`},
		"duration in microseconds":   {app + "lock: {timeout: 10us}", `spec.lock.timeout: is "10us": write a duration such as 90s, 10m or 1h30m`},
		"duration with a sign":       {app + "lock: {timeout: +1s}", `spec.lock.timeout: is "+1s": write a duration such as 90s, 10m or 1h30m`},
		"duration of five parts":     {app + "lock: {timeout: 1s1s1s1s1s}", `spec.lock.timeout: is "1s1s1s1s1s": write a duration such as 90s, 10m or 1h30m`},
		"restart and update":         {usualSpec + "restart: 'true'", "spec.restart: excludes update, because a new image restarts the pods by itself: keep one of them"},
		"restart of a CronJob":       {app + "restart: 'true'\nverify: {workloads: [{kind: Deployment, name: a}, {kind: CronJob, name: a}]}", "spec.verify.workloads[1].kind: is CronJob, which cannot be restarted: name a Deployment, StatefulSet, DaemonSet or Rollout"},
		"restart of nothing":         {"restart: 'true'", "spec.argocd.applications[0].name: missing: without an application and without an update there is nothing to do"},
		"dry run of a restart":       {app + "restart: 'true'\ndryRun: 'true'", "spec.dryRun: needs update: without one there is no change to compute"},
		"dry run of nothing":         {app + "dryRun: 'true'", "spec.dryRun: needs update: without one there is no change to compute"},
		"dry run that is none":       {usualSpec + "dryRun: 'on'", `spec.dryRun: is "on": write true or false`},
		"revert of nothing":          {app + "onFailure: Revert", "spec.onFailure: is Revert: without an update there is nothing to put back"},
		"failure":                    {usualSpec + "onFailure: Rollback", `spec.onFailure: is "Rollback": write Keep or Revert`},
		"workload of another kind":   {app + "verify: {workloads: [{kind: ReplicaSet, name: a}]}", `spec.verify.workloads[0].kind: is "ReplicaSet": write one of Deployment, StatefulSet, DaemonSet, Rollout, CronJob, Job`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Resolve(t.Context(), embedded(t, tc.spec), stored{}, Defaults{})
			if diff := cmp.Diff(tc.want, strings.TrimPrefix(text(err), "invalid spec: ")); diff != "" || !errors.Is(err, ErrInvalidSpec) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
