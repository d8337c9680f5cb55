package policy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// dialTimeout bounds one connection attempt, over all addresses of a name.
const dialTimeout = 10 * time.Second

// DialFunc opens a connection, as http.Transport and gRPC want it.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// DialGit connects to git servers, and refuses every address that the policy does not allow for the host.
func (p Policy) DialGit() DialFunc { return p.git().dial }

// DialAPI does the same for the APIs of git hosts, which have the hosts of git.
func (p Policy) DialAPI() DialFunc { return p.api().dial }

// DialArgoCD does the same for Argo CD servers.
func (p Policy) DialArgoCD() DialFunc { return p.argocd().dial }

func (t target) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host := hostOf(address)
	if err := t.checkText(host); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout, Control: t.control(host)}
	return dialer.DialContext(ctx, network, address)
}

// control judges the address that the system is about to connect to, so nothing that was resolved earlier counts.
func (t target) control(host string) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		endpoint, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s host %s has no IP address", ErrDenied, t.kind, host)
		}
		return t.checkAddress(host, endpoint.Addr())
	}
}

// Resolver is the part of net.Resolver that CheckAddresses uses.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// CheckAddresses resolves the hosts of a run and judges every address, so that a refusal is seen before anything is
// written and in its own words: a gRPC client, for one, hides the dialer's error in the text of "unavailable". A name
// that cannot be resolved is no refusal. The dial remains the guard.
func (p Policy) CheckAddresses(ctx context.Context, resolver Resolver, r request.Request) error {
	if r.Git != nil {
		if u, err := parseGit(r.Git.URL); err == nil {
			if err := p.git().resolve(ctx, resolver, u.Hostname()); err != nil {
				return err
			}
		}
	}
	if pr := r.PullRequest; pr != nil {
		if pr.Changes != nil {
			if u, err := parseGit(pr.Changes.URL); err == nil {
				if err := p.git().resolve(ctx, resolver, u.Hostname()); err != nil {
					return fmt.Errorf("source of the changes: %w", err)
				}
			}
		}
		if u, err := url.Parse(pr.APIURL); err == nil && u.Hostname() != "" {
			if err := p.api().resolve(ctx, resolver, u.Hostname()); err != nil {
				return err
			}
		}
	}
	if r.ArgoCD == nil || r.ArgoCD.Server == "" {
		return nil
	}
	return p.argocd().resolve(ctx, resolver, hostOf(r.ArgoCD.Server))
}

func (t target) resolve(ctx context.Context, resolver Resolver, host string) error {
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil //nolint:nilerr // what cannot be resolved cannot be reached either
	}
	for _, addr := range addrs {
		if err := t.checkAddress(host, addr); err != nil {
			return err
		}
	}
	return nil
}
