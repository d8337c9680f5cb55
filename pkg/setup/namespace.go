package setup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Namespace is what a namespace is to have.
type Namespace struct {
	Name string
	// ControllerNamespace is where the controller is installed.
	ControllerNamespace string
	// Git is nil for a namespace whose Secret for git is not ours to make.
	Git *GitSecret
	// ServiceAccount is the one that the Secret is linked to.
	ServiceAccount string
	// Defaults are keys of the ConfigMap config-gitops-defaults; none: it is left alone.
	Defaults map[string]string
}

// NamespaceState is what there is; nil where there is nothing.
type NamespaceState struct {
	RoleBinding    *rbacv1.RoleBinding
	GitSecret      *corev1.Secret
	ServiceAccount *corev1.ServiceAccount
	Defaults       *corev1.ConfigMap
}

// ReadNamespace reads what a plan needs. A namespace that is not there is an error.
func ReadNamespace(ctx context.Context, kube kubernetes.Interface, w Namespace) (s NamespaceState, err error) {
	core := kube.CoreV1()
	namespace, err := get(ctx, "Namespace", "", w.Name, core.Namespaces())
	if err == nil && namespace == nil {
		err = fmt.Errorf("namespace %s does not exist: create it with kubectl create namespace %s", w.Name, w.Name)
	}
	if err != nil {
		return s, err
	}
	if s.RoleBinding, err = get(ctx, "RoleBinding", w.Name, roleBinding, kube.RbacV1().RoleBindings(w.Name)); err != nil {
		return s, err
	}
	if w.Git != nil {
		if s.GitSecret, err = get(ctx, "Secret", w.Name, w.Git.Name, core.Secrets(w.Name)); err != nil {
			return s, err
		}
		if s.ServiceAccount, err = get(ctx, "ServiceAccount", w.Name, w.ServiceAccount, core.ServiceAccounts(w.Name)); err != nil {
			return s, err
		}
	}
	if len(w.Defaults) > 0 {
		s.Defaults, err = get(ctx, "ConfigMap", w.Name, request.DefaultsName, core.ConfigMaps(w.Name))
	}
	return s, err
}

// PlanNamespace plans what there is to do for a namespace. Errors wrap ErrConflict, or say what is missing.
func PlanNamespace(w Namespace, s NamespaceState) (Plan, error) {
	p := &Plan{}
	if err := p.binding(w, s.RoleBinding); err != nil {
		return Plan{}, err
	}
	if w.Git != nil {
		if err := p.gitSecret(w.Name, *w.Git, s.GitSecret); err != nil {
			return Plan{}, err
		}
		p.link(w, s.ServiceAccount)
	}
	if err := p.defaults(w, s.Defaults); err != nil {
		return Plan{}, err
	}
	return *p, nil
}

// binding lets the controller work in the namespace. Subjects of others stay.
func (p *Plan) binding(w Namespace, current *rbacv1.RoleBinding) error {
	subject, ref := controllerSubject(w.ControllerNamespace), rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: tenantRole}
	what := fmt.Sprintf("lets %s of namespace %s deploy from here", subject.Name, subject.Namespace)
	if current == nil {
		wanted := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Name, Name: roleBinding, Labels: partOf()},
			RoleRef:    ref, Subjects: []rbacv1.Subject{subject},
		}
		p.add(nil, wanted, what, shownRoleBinding(wanted))
		return nil
	}
	if current.RoleRef != ref {
		return fmt.Errorf("RoleBinding %s/%s is %w: it is for %s %s, and that cannot be changed: delete it, and run the command again",
			w.Name, roleBinding, ErrConflict, current.RoleRef.Kind, current.RoleRef.Name)
	}
	wanted := current.DeepCopy()
	if !slices.Contains(wanted.Subjects, subject) {
		wanted.Subjects = append(wanted.Subjects, subject)
	}
	p.add(current, wanted, what, shownRoleBinding(wanted))
	return nil
}

// link names the Secret in the list of the ServiceAccount, where runs find it by its address.
func (p *Plan) link(w Namespace, current *corev1.ServiceAccount) {
	what, ref := "links "+w.Git.Name, corev1.ObjectReference{Name: w.Git.Name}
	if current == nil {
		wanted := &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Name, Name: w.ServiceAccount, Labels: partOf()},
			Secrets:    []corev1.ObjectReference{ref},
		}
		p.add(nil, wanted, what, shownServiceAccount(wanted))
		return
	}
	wanted := current.DeepCopy()
	if !slices.ContainsFunc(wanted.Secrets, func(r corev1.ObjectReference) bool { return r.Name == ref.Name }) {
		wanted.Secrets = append(wanted.Secrets, ref)
	}
	p.add(current, wanted, what, shownServiceAccount(wanted))
}

// defaults sets our keys of the defaults; others stay.
func (p *Plan) defaults(w Namespace, current *corev1.ConfigMap) error {
	if len(w.Defaults) == 0 {
		return nil
	}
	if _, err := request.ParseDefaults(request.DefaultsSource{Namespace: w.Name, Name: request.DefaultsName, Data: w.Defaults}); err != nil {
		return err
	}
	var said []string
	keys := sortedKeys(w.Defaults)
	for _, key := range keys {
		said = append(said, key+"="+w.Defaults[key])
	}
	what := strings.Join(said, ", ")
	if current == nil {
		wanted := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Name, Name: request.DefaultsName, Labels: partOf()}, Data: w.Defaults,
		}
		p.add(nil, wanted, what, shownConfigMap(wanted, keys))
		return nil
	}
	wanted := current.DeepCopy()
	if wanted.Data == nil {
		wanted.Data = map[string]string{}
	}
	maps.Copy(wanted.Data, w.Defaults)
	p.add(current, wanted, what, shownConfigMap(wanted, keys))
	return nil
}
