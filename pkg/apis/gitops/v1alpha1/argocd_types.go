package v1alpha1

// ArgoCD says which applications to sync, on which server.
//
// +kubebuilder:validation:XValidation:rule="!has(self.applications) || self.applications.all(a, self.applications.exists_one(b, b.name == a.name && has(b.__namespace__) == has(a.__namespace__) && (!has(a.__namespace__) || b.__namespace__ == a.__namespace__)))",message="applications has one of them twice"
// +kubebuilder:validation:XValidation:rule="!(has(self.selector) && has(self.applications) && size(self.applications) > 0)",message="applications and selector exclude each other"
// +kubebuilder:validation:XValidation:rule="!(has(self.plaintext) && self.plaintext == 'true' && has(self.insecure) && self.insecure == 'true')",message="plaintext and insecure exclude each other: without TLS there is no certificate to skip"
type ArgoCD struct {
	// Server is host or host:port; by default the Secret's ARGOCD_SERVER.
	// +optional
	Server Host `json:"server,omitempty"`
	// Transport is grpc (default) or grpc-web, for a server behind a proxy that only speaks HTTP/1.1.
	// +optional
	Transport Transport `json:"transport,omitempty"`
	// Plaintext speaks without TLS; only where policy allows it.
	// +optional
	Plaintext Bool `json:"plaintext,omitempty"`
	// Insecure does not verify the server's certificate; only where policy allows it.
	// +optional
	Insecure Bool `json:"insecure,omitempty"`
	// SecretRef names a Secret of the run's namespace with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD,
	// and optionally ARGOCD_SERVER and ca.crt.
	// +optional
	SecretRef *SecretRef `json:"secretRef,omitempty"`
	// Applications to sync; none when the commit is all. Each must show the commit, and each workload of them is
	// verified.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Applications []Application `json:"applications,omitempty"`
	// Selector chooses the applications by their labels instead. It is evaluated once, when the run starts, among those
	// that the account may get; at most 16 may match.
	// +optional
	Selector *Selector `json:"selector,omitempty"`
	// +optional
	Sync *Sync `json:"sync,omitempty"`
}

// Application names an Argo CD application.
type Application struct {
	// Name of the application.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name Name `json:"name"`
	// Namespace of the application; by default Argo CD's own.
	// +optional
	Namespace Label `json:"namespace,omitempty"`
	// Project of the application. Without it Argo CD does not tell an application that is absent from one that is not
	// permitted.
	// +optional
	Project Name `json:"project,omitempty"`
}

// Selector chooses applications by their labels.
type Selector struct {
	// MatchLabels are labels that an application must have, with these values. Variables may stand in the values only.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="write the names of labels, without variables"
	MatchLabels map[string]LabelValue `json:"matchLabels"`
	// Namespace of the applications; by default any.
	// +optional
	Namespace Label `json:"namespace,omitempty"`
	// Project of the applications; by default any.
	// +optional
	Project Name `json:"project,omitempty"`
}

// Sync says how to sync.
type Sync struct {
	// Prune deletes resources that are no longer in git (default false).
	// +optional
	Prune Bool `json:"prune,omitempty"`
	// Options for the sync, such as ServerSideApply=true, as in an application's syncPolicy.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Options []SyncOption `json:"options,omitempty"`
	// PinRevision syncs exactly the commit instead of what the branch has by then (default false). It can take back a
	// newer change, and Argo CD refuses it where auto-sync is on.
	// +optional
	PinRevision Bool `json:"pinRevision,omitempty"`
	// Window is what to do when a sync window of the project forbids syncing: Fail (default) or Wait.
	// +optional
	Window WindowPolicy `json:"window,omitempty"`
	// OnForeignOperation is what to do with an operation of somebody else that does not end: Wait (default) until the
	// timeout, or Terminate it.
	// +optional
	OnForeignOperation ForeignOperationPolicy `json:"onForeignOperation,omitempty"`
	// Timeout bounds the time until the application is synced to the commit (default 10m).
	// +optional
	Timeout Timeout `json:"timeout,omitempty"`
}
