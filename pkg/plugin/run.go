package plugin

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// DefaultTimeout bounds a check and a Munin call. It is below the ten seconds
// after which check_nrpe gives up, so that our own sentence comes first.
const DefaultTimeout = 8 * time.Second

// Main runs the plugin for this process and ends it.
func Main(p *Plugin) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := Env{
		Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
		Width: terminalWidth(os.Stdout), Now: time.Now,
	}
	code := Run(ctx, p, env)
	stop()
	os.Exit(code)
}

// Run carries out one call and returns the exit code.
func Run(ctx context.Context, p *Plugin, env Env) int {
	switch i := p.invoked(env.Args); i.personality {
	case nagiosCheck:
		return p.check(ctx, env, i.words)
	case muninPlugin:
		return p.munin(ctx, env, i)
	default:
		return p.person(ctx, env, i.words)
	}
}
