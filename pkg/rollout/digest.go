package rollout

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Digest returns the sha256:… digest of the image that a container of a live pod
// runs, from the status' imageID; "" as long as it is not known. Depending on
// the container runtime it is that of the index or that of the platform's image.
//
// Errors: ErrInvalid.
func Digest(pod []byte, container string) (string, error) {
	live, err := decode[corev1.Pod](pod)
	if err != nil {
		return "", err
	}
	for _, s := range slices.Concat(live.Status.InitContainerStatuses, live.Status.ContainerStatuses) {
		if s.Name != container {
			continue
		}
		// registry/name@sha256:… (containerd, CRI-O), docker-pullable://name@sha256:…;
		// docker://sha256:… names an image that was built on the node: no digest.
		if _, digest, found := strings.Cut(s.ImageID, "@"); found && strings.HasPrefix(digest, "sha256:") {
			return digest, nil
		}
	}
	return "", nil
}
