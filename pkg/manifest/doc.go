// Package manifest edits manifests from bytes to bytes.
//
// An edit finds the scalars to set by parsing, replaces exactly their bytes,
// parses the result again, and refuses when anything differs that was not
// asked for. So comments, order, quotes, indentation, flow style, anchors,
// line endings, a byte order mark, a missing final newline and the file's
// other documents survive to the byte. An edit that is already there changes
// nothing; an edit applied twice is the same as once.
//
// What cannot be edited without touching something else is refused with an
// Error that names file, line and column: a duplicate key, a value that an
// alias shares with another image, a file that is not YAML.
//
// The package reads no files and knows no repository: whether a path may be
// written is the caller's question. It does not run kustomize either, so it
// does not say whether a resource uses the image.
package manifest
