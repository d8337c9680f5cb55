package customrun

import (
	"sync/atomic"

	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
)

// settings are the two ConfigMaps of the controller's namespace, followed live. An unusable policy keeps the last good
// one in force and is logged: a typing error must not open what was closed.
type settings struct {
	namespace string
	current   atomic.Pointer[policy.Policy]
	values    atomic.Pointer[map[string]string]
}

func newSettings(namespace string) *settings {
	s := &settings{namespace: namespace}
	p := policy.Default()
	s.current.Store(&p)
	s.values.Store(&map[string]string{})
	return s
}

func (s *settings) policy() policy.Policy { return *s.current.Load() }

// defaults are the controller's defaults for runs of every namespace.
func (s *settings) defaults() request.DefaultsSource {
	return request.DefaultsSource{Namespace: s.namespace, Name: request.DefaultsName, Data: *s.values.Load()}
}

// follow keeps the settings up to date. A ConfigMap that does not exist means the built-in defaults.
func (s *settings) follow(w configmap.DefaultingWatcher, logger *zap.SugaredLogger) {
	empty := func(name string) corev1.ConfigMap {
		cm := corev1.ConfigMap{}
		cm.Namespace, cm.Name = s.namespace, name
		return cm
	}
	w.WatchWithDefault(empty(policy.Name), func(cm *corev1.ConfigMap) {
		p, err := policy.Parse(cm.Data)
		if err != nil {
			logger.Errorw("the policy is not usable, the last good one stays in force", logkey.ConfigMap, cm.Name, logkey.Error, err.Error())
			return
		}
		s.current.Store(&p)
	})
	w.WatchWithDefault(empty(request.DefaultsName), func(cm *corev1.ConfigMap) {
		data := cm.Data
		s.values.Store(&data)
	})
}
