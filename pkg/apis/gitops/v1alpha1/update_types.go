package v1alpha1

// Update is one place where images are set, in one of four ways.
//
// +kubebuilder:validation:XValidation:rule="[has(self.kustomize), has(self.helm), has(self.manifests), has(self.yaml)].filter(x, x).size() == 1",message="set exactly one of kustomize, helm, manifests, yaml"
// +kubebuilder:validation:XValidation:rule="!has(self.yaml) || !has(self.images) || size(self.images) == 0",message="yaml sets a value, not an image: leave images out"
type Update struct {
	// Images names those of spec.images that are set here; by default all of them. Helm sets one image.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Images []ImageName `json:"images,omitempty"`
	// Kustomize sets the images of a kustomization.
	// +optional
	Kustomize *Kustomize `json:"kustomize,omitempty"`
	// Helm sets the fields of an image in a values file.
	// +optional
	Helm *Helm `json:"helm,omitempty"`
	// Manifests sets the image of containers in plain Kubernetes manifests.
	// +optional
	Manifests *Manifests `json:"manifests,omitempty"`
	// YAML sets one scalar to a value.
	// +optional
	YAML *YAML `json:"yaml,omitempty"`
}

// Kustomize is a directory with a kustomization file.
type Kustomize struct {
	// Path of the directory, below the root of the repository; "." is the root itself.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Path Path `json:"path"`
}

// Helm is a values file, and where in it the parts of one image are. A path is made of keys with dots between them,
// items of lists as [0], and keys with dots in them in double quotes: image.tag, servers[0].image, "app.io/x".tag.
//
// +kubebuilder:validation:XValidation:rule="[has(self.image) && self.image.size() > 0, has(self.tag) && self.tag.size() > 0, has(self.digest) && self.digest.size() > 0].exists(x, x)",message="say where the image is: image for one combined field, else tag or digest"
// +kubebuilder:validation:XValidation:rule="!has(self.image) || self.image.size() == 0 || ![has(self.repository) && self.repository.size() > 0, has(self.tag) && self.tag.size() > 0, has(self.digest) && self.digest.size() > 0].exists(x, x)",message="image is the whole reference in one field: it excludes repository, tag and digest"
type Helm struct {
	// File is the values file, below the root of the repository.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self != '.' && !self.endsWith('/')",message="write the path of a file"
	File Path `json:"file"`
	// Image is the path of one field that holds the whole reference.
	// +optional
	Image ValuePath `json:"image,omitempty"`
	// Repository is the path of the image's name. It is written when newName is set, and otherwise checked to be the
	// image's name.
	// +optional
	Repository ValuePath `json:"repository,omitempty"`
	// Tag is the path of the tag.
	// +optional
	Tag ValuePath `json:"tag,omitempty"`
	// Digest is the path of the digest.
	// +optional
	Digest ValuePath `json:"digest,omitempty"`
}

// Manifests is a file or a directory of Kubernetes manifests that no tool renders.
type Manifests struct {
	// Path of a file, or of a directory whose YAML files are edited, those below it too.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Path Path `json:"path"`
	// Container to set; by default every container that runs the image.
	// +optional
	Container Label `json:"container,omitempty"`
}

// YAML is one scalar of a YAML file.
type YAML struct {
	// File below the root of the repository.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0 && self != '.' && !self.endsWith('/')",message="write the path of a file"
	File Path `json:"file"`
	// Path of the scalar, as in Helm.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Path ValuePath `json:"path"`
	// Value to set. Where a number or a boolean stands and the value is one, it stays one; else it is a string to every
	// parser. By default it is the tag, or else the digest, of the one image of spec.images.
	// +optional
	Value Value `json:"value,omitempty"`
}
