// Package image parses, normalises and compares container image references.
//
// It promises that a reference is read by the grammar that registries and
// container runtimes use (github.com/distribution/reference), that
// "docker.io/library/a" and "a" are one repository, that "reg:5000/a" has a
// port and no tag, that host names compare without regard to case, and that a
// digest is checked for its length and alphabet.
//
// It does not talk to a registry: it cannot say whether an image exists, nor
// which digest a tag stands for.
package image
