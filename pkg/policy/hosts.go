package policy

import (
	"errors"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	wordPublic  = "public"
	wordCluster = "cluster"
)

// Hosts is a list of allowed hosts.
type Hosts struct {
	public, cluster bool
	exact           []string
	suffixes        []string // with the leading dot
}

// grant is how far a host's name is allowed.
type grant int

const (
	grantNone     grant = iota // by the words public and cluster only
	grantWildcard              // any address but loopback
	grantExact                 // loopback too
)

func parseHosts(list string) (Hosts, error) {
	var h Hosts
	for _, entry := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }) {
		name := normalise(entry)
		suffix, wildcard := strings.CutPrefix(name, "*.")
		switch {
		case name == wordPublic:
			h.public = true
		case name == wordCluster:
			h.cluster = true
		case !isHost(suffix), wildcard && isAddress(suffix):
			return Hosts{}, errors.New("host names without scheme and port, addresses, *.DOMAIN, public or cluster")
		case wildcard:
			h.suffixes = append(h.suffixes, "."+suffix)
		default:
			h.exact = append(h.exact, name)
		}
	}
	return h, nil
}

// normalise makes spellings of one host equal: case, a final dot, the brackets of an IPv6 address, and an IPv4 address
// written as an IPv6 one.
func normalise(host string) string {
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().WithZone("").String()
	}
	return host
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isHost(host string) bool {
	return isAddress(host) || len(validation.IsDNS1123Subdomain(host)) == 0
}

func (h Hosts) grant(host string) grant {
	host = normalise(host)
	for _, name := range h.exact {
		if host == name {
			return grantExact
		}
	}
	for _, suffix := range h.suffixes {
		if strings.HasSuffix(host, suffix) {
			return grantWildcard
		}
	}
	return grantNone
}
