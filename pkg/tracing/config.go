package tracing

import (
	"fmt"
	"net/url"
	"strconv"
)

// ConfigName is the ConfigMap, in the controller's namespace.
const ConfigName = "config-tracing"

// The keys of the ConfigMap. They are those of Tekton's own.
const (
	keyEnabled  = "enabled"
	keyEndpoint = "endpoint"
)

// DefaultEndpoint is where traces go unless the ConfigMap says otherwise: an OpenTelemetry Collector by the usual name.
const DefaultEndpoint = "http://otel-collector.observability.svc.cluster.local:4318/v1/traces"

// Config says whether and where to traces are sent.
type Config struct {
	Enabled bool
	// Endpoint is a URL of OTLP over HTTP.
	Endpoint string
}

// ParseConfig reads the data of the ConfigMap. Without any, tracing is off.
func ParseConfig(data map[string]string) (c Config, err error) {
	c.Endpoint = DefaultEndpoint
	if text, ok := data[keyEnabled]; ok {
		if c.Enabled, err = strconv.ParseBool(text); err != nil {
			return Config{}, fmt.Errorf("%s: %s is neither true nor false", ConfigName, keyEnabled)
		}
	}
	if text, ok := data[keyEndpoint]; ok {
		c.Endpoint = text
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return Config{}, fmt.Errorf("%s: %s is no URL such as %s", ConfigName, keyEndpoint, DefaultEndpoint)
	case u.User != nil:
		// It would stand in a ConfigMap that many may read.
		return Config{}, fmt.Errorf("%s: %s has credentials in it, which it must not", ConfigName, keyEndpoint)
	case u.RawQuery != "" || u.Fragment != "":
		return Config{}, fmt.Errorf("%s: %s has more than a path", ConfigName, keyEndpoint)
	}
	return c, nil
}
