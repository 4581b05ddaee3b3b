package main

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// An outcome is what one run printed.
type outcome struct {
	stdout, stderr string
	code           int
}

func (o outcome) String() string {
	return fmt.Sprintf("exit %d\nstdout:\n%s\nstderr:\n%s", o.code, o.stdout, o.stderr)
}

// run runs the plugin in this process.
func run(t testing.TB, environ []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := plugin.Run(context.Background(), definition(), plugin.Env{
		Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr, Now: time.Now,
	})
	return outcome{stdout.String(), stderr.String(), code}
}
