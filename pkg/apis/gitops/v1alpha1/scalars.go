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

// Timeout is a Duration of at least 1s, or a template: what may take no time at all can only fail.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.matches('^([0-9]{1,9}([.][0-9]{1,9})?(ms|s|m|h)){1,4}$') && duration(self) >= duration('1s') && duration(self) <= duration('168h'))",message="write a duration such as 90s, 10m or 1h30m, at least 1s and at most 168h"
type Timeout string

// Name is the name of an object in Kubernetes (a DNS-1123 subdomain), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 253 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))",message="write the name of an object: lower case letters, digits, '-' and '.'"
type Name string

// Label is the name of a namespace or a container (a DNS-1123 label), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 63 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",message="write a name of lower case letters, digits and '-', at most 63 characters"
type Label string

// URL of a git repository over https (http where policy allows it) or ssh, without a password, or a template. An ssh
// user name (usually git) belongs to the address: ssh://git@HOST/PATH, or git@HOST:PATH.
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || ((self.matches(r'^((?i:https?)://|(?i:ssh)://([A-Za-z0-9._][-A-Za-z0-9._]*@)?)([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?(/[^/?#\p{Z}\p{Cc}]+)+/?$') || self.matches(r'^[A-Za-z0-9._][-A-Za-z0-9._]*@[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*:/?[^/?#@\p{Z}\p{Cc}]+(/[^/?#@\p{Z}\p{Cc}]+)*/?$')) && !self.matches(r'[:/][.][.]?(/|$)'))`,message="write https://HOST/PATH or ssh://git@HOST/PATH, without password, query or fragment"
type URL string

// Branch is a short branch name (main, not refs/heads/main), or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 244 && self.matches(r'^[^-/.~^:?*\[\\[:space:][:cntrl:]]([^~^:?*\[\\[:space:][:cntrl:]]*[^/.~^:?*\[\\[:space:][:cntrl:]])?$') && !self.contains('..') && !self.contains('//') && !self.contains('/.') && !self.contains('@{') && !self.startsWith('refs/') && self != '@' && !self.matches('[.]lock(/|$)'))`,message="write the short name of a branch, such as main"
type Branch string

// Path is relative to the root of the repository and stays inside it, or a template.
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || (!self.startsWith('/') && !self.contains('//') && !self.matches(r'(^|/)[.][.](/|$)') && !self.matches(r'[\\\p{Cc}]') && !self.matches(r'(^|/)[.][gG][iI][tT](/|$)'))`,message="write a path below the root of the repository, such as overlays/dev, without '..'"
type Path string

// Host is host or host:port of a server, without scheme and path, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || self.matches(r'^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?$')`,message="write host or host:port, without https:// and without a path"
type Host string

// ImageName is an image's registry and repository, without tag and digest, or a template. In the field name it may
// also be a placeholder such as SERVER_IMAGE.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 255 && self.matches(r'^([A-Za-z0-9_][A-Za-z0-9_./-]*|\[[0-9A-Fa-f:.]+\])((:[0-9]+)?/[a-z0-9_./-]+)?$'))`,message="write an image's name without tag and digest, such as quay.io/org/app"
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
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || (self.trim().size() <= 256 && !self.trim().matches(r'[\p{Cc}<>]'))`,message="write one line of at most 256 bytes, without '<' and '>'"
type Line string

// SyncOption is one of Argo CD's sync options, such as ServerSideApply=true, or a template. $(params.NAME[*]) as a
// whole stands for all items of an array parameter.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.matches('^[A-Za-z]+=[A-Za-z0-9]+$')",message="write an option as Name=value"
type SyncOption string

// WorkloadKind is Deployment, StatefulSet, DaemonSet, Rollout (of Argo Rollouts), CronJob, Job, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self in ['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout', 'CronJob', 'Job']",message="write Deployment, StatefulSet, DaemonSet, Rollout, CronJob or Job"
type WorkloadKind string

// HealthScope is Application, Workloads, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Application', 'Workloads']",message="write Application or Workloads"
type HealthScope string

// Queue is FIFO, Latest, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['FIFO', 'Latest']",message="write FIFO or Latest"
type Queue string

// Transport is grpc, grpc-web, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['grpc', 'grpc-web']",message="write grpc or grpc-web"
type Transport string

// WindowPolicy is Fail, Wait, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Fail', 'Wait']",message="write Fail or Wait"
type WindowPolicy string

// ForeignOperationPolicy is Wait, Terminate, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Wait', 'Terminate']",message="write Wait or Terminate"
type ForeignOperationPolicy string

// OnFailure is Keep, Revert, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Keep', 'Revert']",message="write Keep or Revert"
type OnFailure string

// ValuePath leads to a scalar in a YAML file: keys with dots between them, items of lists as [0], and keys with other
// characters in double quotes, such as image.tag, servers[0].image or "app.io/server".tag. Or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 256 && self.matches(r'^([^][."$(){}[:space:][:cntrl:]]+|"[^"[:cntrl:]]+"|\[[0-9]{1,4}\])(\[[0-9]{1,4}\]|[.]([^][."$(){}[:space:][:cntrl:]]+|"[^"[:cntrl:]]+"))*$'))`,message="write a path such as image.tag, servers[0].image or \"app.io/server\".tag"
type ValuePath string

// LabelValue is the value of a label in Kubernetes, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 63 && self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))",message="write the value of a label: at most 63 letters, digits, '-', '_' and '.'"
type LabelValue string

// Value is one line of text, or a template. It holds no "$(" once its variables are replaced.
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || !self.matches(r'\p{Cc}')`,message="write one line"
type Value string

// Provider is the name of a kind of git host, such as GitHub, or a template. Which ones are known is the controller's to
// say.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self.matches('^[A-Za-z][-A-Za-z0-9]{0,62}$')",message="write the name of a kind of git host, such as GitHub or Gitea"
type Provider string

// APIURL is the base of a git host's API over https (http where policy allows it), or a template.
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.matches(r'^(?i:https?)://([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?(/[-A-Za-z0-9._~]+)*/?$') && !self.matches(r'/[.][.]?(/|$)'))`,message="write https://HOST or https://HOST/PATH, without password, query or fragment"
type APIURL string

// Revision is a branch, a tag, a full reference or a commit, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 244 && self.matches(r'^[^-/.~^:?*\[\\[:space:][:cntrl:]]([^~^:?*\[\\[:space:][:cntrl:]]*[^/.~^:?*\[\\[:space:][:cntrl:]])?$') && !self.contains('..') && !self.contains('//') && !self.contains('/.') && !self.contains('@{') && self != '@' && !self.matches('[.]lock(/|$)'))`,message="write a branch, a tag or a commit"
type Revision string

// IssueLabel is a label of issues and pull requests, or a template. $(params.NAME[*]) as a whole stands for all items of
// an array parameter. An empty one is as good as none.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || (self.trim().size() <= 100 && !self.trim().matches(r'[\p{Cc},]'))`,message="write one line of at most 100 bytes, without commas"
type IssueLabel string

// User is the name of a user of the git host, or a template, as for IssueLabel.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule=`self.contains('$(') || self.size() == 0 || (self.size() <= 100 && self.matches(r'^[A-Za-z0-9_][-A-Za-z0-9._]*(\[bot\])?$'))`,message="write the name of a user, without '@'"
type User string

// Team is the name of a team, or organisation/team, or a template, as for IssueLabel.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || (self.size() <= 100 && self.matches('^[A-Za-z0-9_][-A-Za-z0-9._]*(/[A-Za-z0-9_][-A-Za-z0-9._]*)?$'))",message="write the name of a team, or organisation/team"
type Team string

// MergeMethod is merge, squash, rebase, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['merge', 'squash', 'rebase']",message="write merge, squash or rebase"
type MergeMethod string

// ClosePolicy is Close, Keep, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['Close', 'Keep']",message="write Close or Keep"
type ClosePolicy string

// Wait is None, Merged, Deployed, or a template.
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.contains('$(') || self.size() == 0 || self in ['None', 'Merged', 'Deployed']",message="write None, Merged or Deployed"
type Wait string
