package v1alpha1

// The types below are strings that may hold variables. A rule speaks only when the value holds none: each starts with
// "self.contains('$(') ||". The empty string means the same as an absent field, so that a parameter with an empty
// default can leave a field unset.

// Bool is "true", "false", or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['true', 'false']",message="write \"true\" or \"false\", in quotes"
type Bool string

// Duration is a Go duration of at most 168h, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['0'] || (self.matches('^([0-9]{1,9}([.][0-9]{1,9})?(ms|s|m|h)){1,4}$') && duration(self) <= duration('168h'))",message="write a duration such as 90s, 10m or 1h30m, at most 168h"
type Duration string

// Name is the name of an object in Kubernetes (a DNS-1123 subdomain), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 253 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))",message="write the name of an object: lower case letters, digits, '-' and '.'"
type Name string

// Label is the name of a namespace or a container (a DNS-1123 label), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 63 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",message="write a name of lower case letters, digits and '-', at most 63 characters"
type Label string

// URL of a git repository over https (http where policy allows it), without user name or password, or a template.
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self.matches('^https?://[^@/?#[:space:][:cntrl:]]+/[^@?#[:space:][:cntrl:]]+$')",message="write https://HOST/PATH, without user name, password, query or fragment"
type URL string

// Branch is a short branch name (main, not refs/heads/main), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 244 && self.matches(r'^[^-/.~^:?*\[\\[:space:][:cntrl:]]([^~^:?*\[\\[:space:][:cntrl:]]*[^/.~^:?*\[\\[:space:][:cntrl:]])?$') && !self.contains('..') && !self.contains('//') && !self.contains('/.') && !self.contains('@{') && !self.startsWith('refs/') && !self.matches('[.]lock(/|$)'))`,message="write the short name of a branch, such as main"
type Branch string

// Path is relative to the root of the repository and stays inside it, or a template.
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || (!self.startsWith('/') && !self.contains('//') && !self.matches(r'(^|/)[.][.](/|$)') && !self.matches(r'[\\[:cntrl:]]') && !self.matches(r'(^|/)[.][gG][iI][tT](/|$)'))`,message="write a path below the root of the repository, such as overlays/dev, without '..'"
type Path string

// Host is host or host:port of a server, without scheme and path, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || self.matches(r'^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$')`,message="write host or host:port, without https:// and without a path"
type Host string

// ImageName is an image's registry and repository, without tag and digest, or a template. In the field name it may
// also be a placeholder such as SERVER_IMAGE.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 255 && self.matches(r'^([A-Za-z0-9_][A-Za-z0-9_./-]*|\[[0-9A-Fa-f:.]+\])((:[0-9]{1,5})?/[a-z0-9_./-]+)?$'))`,message="write an image's name without tag and digest, such as quay.io/org/app"
type ImageName string

// Tag of an image, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self.matches('^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$')",message="write an image tag: at most 128 letters, digits, '_', '.' and '-'"
type Tag string

// Digest of an image, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self.matches('^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$')",message="write an image digest such as sha256: and 64 hexadecimal digits"
type Digest string

// Line is one line of text, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || !self.matches('[[:cntrl:]<>]')",message="write one line without '<' and '>'"
type Line string

// SyncOption is one of Argo CD's sync options, such as ServerSideApply=true, or a template. $(params.NAME[*]) as a
// whole stands for all items of an array parameter.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.matches('^[A-Za-z]+=[A-Za-z0-9]+$')",message="write an option as Name=value"
type SyncOption string

// WorkloadKind is Deployment, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self == 'Deployment'",message="write Deployment"
type WorkloadKind string

// HealthScope is Application, Workloads, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Application', 'Workloads']",message="write Application or Workloads"
type HealthScope string
