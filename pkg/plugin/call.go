package plugin

import (
	"io"
	"time"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// A Call is what one run is asked beyond its own options.
type Call struct {
	Plugin *Plugin
	Env    Env
	// Munin tells that the report becomes a graph, Person that the answer is
	// for a terminal or a script.
	Munin, Person bool
	// NeedValues is false where only the shape of a graph is wanted.
	NeedValues bool
	// Operand is the word that follows a command's options.
	Operand string
	// Limits are the thresholds that were given, by metric; "" is the default
	// metric.
	Limits map[string]threshold.Threshold
	// Deadline is when the frame gives up; zero for never.
	Deadline time.Time

	suffix   string // of the graph that is asked for
	common   *Common
	checked  Measurer // by a check, nil elsewhere
	began    time.Time
	limit    time.Duration
	progress *progress
}

// begin notes the time, and the time that is left. A limit of zero is none.
func (c *Call) begin(limit time.Duration) {
	c.began, c.limit = c.Env.Now(), limit
	if limit > 0 {
		c.Deadline = c.began.Add(limit)
	}
}

// timing says for --verbose how long the run took.
func timing(c *Call) string {
	return "time: " + formatDuration(c.Env.Now().Sub(c.began).Round(10*time.Microsecond))
}

// Verbose is how often --verbose was given.
func (c *Call) Verbose() int { return len(c.common.Verbose) }

// Common returns the options that every plugin takes.
func (c *Call) Common() *Common { return c.common }

// Wants reports whether a threshold names the metric.
func (c *Call) Wants(metric string) bool {
	_, ok := c.Limits[metric]
	return ok
}

// writeOnce writes b in one call, so that two plugins that share a pipe cannot
// mix their lines.
func writeOnce(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
