package testhost

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"testing"
	"time"
)

// readyLimit is how long a daemon may take until it answers.
const readyLimit = 20 * time.Second

// daemon is a service that a fixture keeps running on a loopback port.
type daemon struct {
	Port int // on 127.0.0.1

	t    testing.TB
	ns   *Netns
	proc *process
	out  bytes.Buffer // stdout and stderr, to be read when the process has ended
}

// address is where the daemon listens.
func (d *daemon) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port))
}

// launch starts the service, stops it when the test ends, and waits until it
// accepts connections.
func (d *daemon) launch(what string, c Command, log func() string) {
	d.t.Helper()
	c.Netns = d.ns
	d.out.Reset()
	d.proc = start(d.t, c, &d.out, &d.out)
	d.t.Cleanup(d.Stop)
	d.proc.waitFor(d.t, what, readyLimit, func() string { return log() + d.output() }, d.accepts)
}

func (d *daemon) accepts() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := d.ns.Dial(ctx, "tcp4", d.address())
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// output is what the service printed, once it has ended.
func (d *daemon) output() string {
	if d.proc == nil || d.proc.running() {
		return ""
	}
	return d.out.String()
}

// Stop ends the service; a fixture that runs no service stays as it is. It may be
// started again.
func (d *daemon) Stop() {
	if d.proc != nil {
		d.proc.stop()
		d.proc = nil
	}
}
