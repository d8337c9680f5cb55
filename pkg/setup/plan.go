package setup

import (
	"errors"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// ErrConflict says that something is there that is not changed, because it is somebody else's or says otherwise. The text
// says what, and what to do.
var ErrConflict = errors.New("in the way")

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create    Action = "create"
	Update    Action = "update"
	Unchanged Action = "unchanged"
)

// Change is what a plan does to one object.
type Change struct {
	Action    Action `json:"action"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// What says for people what the object is to have.
	What string `json:"what"`
	// Details are the single lines that are added to a text which is shared with others.
	Details []string `json:"details,omitempty"`
	// Object is the object as it is to be, without the values of a Secret. Of an object that is shared with others it has
	// only our part.
	Object map[string]any `json:"object,omitempty"`

	wanted Object
	// draft: it lacks what is made only when the plan is; it cannot be applied.
	draft bool
}

// Object is one of the objects that setup writes: a ConfigMap, a RoleBinding, a Secret or a ServiceAccount.
type Object interface {
	runtime.Object
	metav1.Object
}

// Plan is a list of changes in the order in which they are made.
type Plan struct {
	Changes []Change `json:"changes"`
	// Notes are what a person has to know or to do besides.
	Notes []string `json:"notes,omitempty"`
}

// Changed tells whether anything is to be written.
func (p Plan) Changed() bool {
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action != Unchanged })
}

// add compares an object with what is wanted. current is nil where there is none.
func (p *Plan) add(current, wanted Object, what string, shown runtime.Object) {
	action := Update
	switch {
	case current == nil:
		action = Create
	case apiequality.Semantic.DeepEqual(current, wanted):
		action = Unchanged
	}
	p.Changes = append(p.Changes, Change{
		Action: action, Kind: kindOf(wanted), Namespace: wanted.GetNamespace(), Name: wanted.GetName(), What: what, Object: plain(shown), wanted: wanted,
	})
}

// plain is an object as one writes it in a file.
func plain(o runtime.Object) map[string]any {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil // It is one of four types, which can all be converted.
	}
	unstructured.RemoveNestedField(object, "metadata", "creationTimestamp")
	return object
}

// partOf labels what setup creates.
func partOf() map[string]string {
	return map[string]string{"app.kubernetes.io/part-of": "tekton-gitops"}
}

// Names of the controller's installation, as config/ has them.
const (
	ControllerNamespace = "tekton-gitops"
	serviceAccount      = "tekton-gitops-controller"
	tenantRole          = "tekton-gitops-tenant"
	roleBinding         = "tekton-gitops"
)

// controllerSubject is the identity of the controller.
func controllerSubject(namespace string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: serviceAccount}
}
