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
	ctx, stop := context.Background(), func() {}
	env := p.world()
	if p.invoked(os.Args).personality == person {
		// Only a person's commands have something to say after ^C. A check dies
		// of a signal as every program does: to watch for signals takes the
		// runtime a thread, and a fifth of the time of a whole small check.
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	} else {
		// Whoever reads a check or a graph gets an exit code, even if it closed the
		// pipe. To ignore a signal takes no thread.
		signal.Ignore(syscall.SIGPIPE)
	}
	code := Run(ctx, p, env)
	stop()
	env.Exit(code)
}

// world is the world of this process. Only a person's commands ask how wide the
// terminal is.
func (p *Plugin) world() Env {
	env := Env{
		Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now, Exit: os.Exit,
	}
	if p.invoked(os.Args).personality == person {
		env.Width, env.StderrWidth = terminalWidth(os.Stdout), terminalWidth(os.Stderr)
	}
	return env
}

// Run carries out one call and returns the exit code.
func Run(ctx context.Context, p *Plugin, env Env) int {
	switch i := p.invoked(env.Args); {
	case i.personality == nagiosCheck:
		return p.check(ctx, env, i.words)
	case i.personality == muninPlugin:
		return p.munin(ctx, env, i)
	case p.misnamed(env, i.words):
		writeOnce(env.Stdout, p.properNames(env))
		return 0
	default:
		return p.person(ctx, env, i.words)
	}
}
