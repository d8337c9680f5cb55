// Package manifest edits manifests from bytes to bytes.
//
// There are four edits: an image in a kustomization (SetKustomizeImage), in a
// Helm values file (SetHelmImage) and in plain Kubernetes manifests
// (SetContainerImages), and any scalar of a YAML file (SetValue). Undo takes an
// edit back in a file that may have changed since.
//
// An edit finds the scalars to set by parsing, replaces exactly their bytes,
// parses the result again, and refuses when anything differs that was not
// asked for. So comments, order, quotes, indentation, flow style, anchors,
// line endings, a byte order mark, a missing final newline and the file's
// other documents survive to the byte. Only what is asked for in a block scalar
// or over several lines moves to one line. A tag is a string afterwards to
// parsers of YAML 1.1 and 1.2. An edit that is already there changes nothing; an
// edit applied twice is the same as once. Nothing is created but an entry of a
// kustomization's images: a path that leads nowhere is an error.
//
// What cannot be edited without touching something else is refused with an
// Error that names file, line and column: a duplicate key on the way, a value
// that an alias or a merge key shares with another place, a file that is not
// YAML, for instance because of a template's braces.
//
// The package reads no files and knows no repository: whether a path may be
// written is the caller's question. It runs neither kustomize nor Helm, so it
// does not say whether a resource uses the image, nor what a chart makes of
// its values.
package manifest
