// Command controller runs the reconciler of this project's custom tasks inside a cluster.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"time"
	_ "time/tzdata" // sync windows have time zones, and an image may have no database of them

	"github.com/tekton-gitops/tekton-gitops/pkg/reconciler/customrun"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"
)

const (
	// component names the process in logs, metrics and leader election.
	component = "tekton-gitops-controller"
	// The API budget of one replica. The framework's default of 5 requests a second starves runs that wait for nothing
	// else; the API server's own fairness protects it.
	apiQPS   = 100
	apiBurst = 200
	// flushTimeout is how long the end of the process waits for a collector of traces.
	flushTimeout = 3 * time.Second
)

func main() {
	probePort := flag.Int("probe-port", injection.HealthCheckDefaultPort, "port of the probes /health and /readiness")
	setDefaults()
	cfg := injection.ParseAndGetRESTConfigOrDie()
	cfg.QPS, cfg.Burst = apiQPS, apiBurst
	cfg.UserAgent = component

	ctx := signals.NewContext()
	var c customrun.Constructor
	go serveProbes(injection.AddReadiness(ctx, readiness(&c)), *probePort)
	sharedmain.MainWithConfig(sharedmain.WithHealthProbesDisabled(ctx), component, cfg, c.NewController)
	flush(&c)
}

// flush sends the last traces. What does not get out in time is lost.
func flush(c *customrun.Constructor) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		log.Print(err)
	}
}

// setDefaults sets what the framework reads from the environment and has one sensible value for this program.
func setDefaults() {
	for name, value := range map[string]string{
		"SYSTEM_NAMESPACE":           "tekton-gitops",
		"METRICS_DOMAIN":             "gitops.tekton.dev/controller",
		"CONFIG_LOGGING_NAME":        "config-logging",
		"CONFIG_OBSERVABILITY_NAME":  "config-observability",
		"CONFIG_LEADERELECTION_NAME": "config-leader-election",
	} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value)
		}
	}
}

// serveProbes replaces the framework's own server, whose port is fixed and which is ready before the caches are.
func serveProbes(ctx context.Context, port int) {
	if err := injection.ServeHealthProbes(ctx, port); err != nil {
		log.Fatalf("serve probes: %v", err)
	}
}

func readiness(c *customrun.Constructor) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !c.Ready() {
			http.Error(w, "the cache of CustomRuns is not filled yet", http.StatusServiceUnavailable)
		}
	}
}
