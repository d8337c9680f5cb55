package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// class is what an address is, as far as the policy tells addresses apart.
type class int

const (
	classPublic class = iota
	classPrivate
	classLoopback
	classNever
)

// classify unpacks IPv4 addresses that stand inside IPv6 ones first: a translator on the way would unpack them too.
func classify(addr netip.Addr) class {
	addr = addr.WithZone("").Unmap()
	if inner, ok := embedded(addr); ok {
		addr = inner
	}
	switch {
	case !addr.IsValid(), addr.IsUnspecified(), addr.IsMulticast(), addr.IsLinkLocalUnicast(), in(addr, neverPrefixes()):
		return classNever
	case addr.IsLoopback():
		return classLoopback
	case addr.IsPrivate(), in(addr, privatePrefixes()):
		return classPrivate
	}
	return classPublic
}

// neverPrefixes: "this network" and broadcast, and the metadata services that are not link-local: AWS over IPv6,
// Alibaba, Oracle.
func neverPrefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("255.255.255.255/32"),
		netip.MustParsePrefix("fd00:ec2::254/128"),
		netip.MustParsePrefix("100.100.100.200/32"),
		netip.MustParsePrefix("192.0.0.192/32"),
	}
}

// privatePrefixes: what the IANA registries call not globally reachable, besides RFC 1918 and ULA: carrier-grade NAT
// (which clusters use for pods), protocol assignments, benchmarking, reserved, and site-local IPv6.
func privatePrefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("fec0::/10"),
	}
}

// embedded finds the IPv4 address inside NAT64 (RFC 6052), 6to4 (RFC 3056) and IPv4-compatible addresses.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() || addr.IsLoopback() || addr.IsUnspecified() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr), netip.MustParsePrefix("::/96").Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

func in(addr netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// checkText judges a host as it is written. A name is left to the dial, but for the names of this machine.
func (t target) checkText(host string) error {
	name := normalise(host)
	if addr, err := netip.ParseAddr(name); err == nil {
		return t.checkAddress(host, addr)
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return t.checkAddress(host, netip.MustParseAddr("127.0.0.1"))
	}
	if t.hosts.grant(name) == grantNone && !t.hosts.public && !t.hosts.cluster {
		return fmt.Errorf("%w: %s host %s is not listed: add it to %s in ConfigMap %s", ErrDenied, t.kind, host, t.key, Name)
	}
	return nil
}

// checkAddress judges the address that a host has.
func (t target) checkAddress(host string, addr netip.Addr) error {
	granted := t.hosts.grant(host)
	var what string
	switch classify(addr) {
	case classNever:
		return fmt.Errorf("%w: %s host %s has a link-local, metadata, unspecified or multicast address, which is never allowed", ErrDenied, t.kind, host)
	case classLoopback:
		if granted == grantExact {
			return nil
		}
		what = "a loopback address"
	case classPrivate:
		if granted != grantNone || t.hosts.cluster {
			return nil
		}
		what = "a private address"
	case classPublic:
		if granted != grantNone || t.hosts.public {
			return nil
		}
		what = "a public address"
	}
	return fmt.Errorf("%w: %s host %s has %s and is not listed: add it to %s in ConfigMap %s", ErrDenied, t.kind, host, what, t.key, Name)
}
