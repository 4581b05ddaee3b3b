package testhost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Command is one program to run, by whom and where.
type Command struct {
	Path  string   // a path; $PATH is not searched
	Args  []string // without the program's name
	Argv0 string   // the name it is called by, when not Path
	Env   []string // exactly its environment; nil is PATH and LC_ALL=C alone
	User  *User    // nil: the caller
	Netns *Netns   // nil: the caller's network namespace
	Dir   string   // "": /
	Stdin string
	// Timeout kills the program's process group; zero is a minute.
	Timeout time.Duration
}

// Result is what a program left behind.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status; 128 plus the number of a signal that killed it
}

// String shows a result in a test's message.
func (r Result) String() string {
	return fmt.Sprintf("exit %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
}

// daemonPath is what munin-node sets, and near enough what the others have.
const daemonPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

// Run runs a program to its end. A program that cannot be started, or is still
// there at the timeout, fails the test; an exit status is the caller's to judge.
func Run(t testing.TB, c Command) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := start(t, c, &stdout, &stderr)
	timeout := c.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	select {
	case <-p.done:
	case <-time.After(timeout):
		p.stop()
		t.Fatalf("%s %s: not finished after %v\nstdout:\n%s\nstderr:\n%s", c.Path, strings.Join(c.Args, " "), timeout, &stdout, &stderr)
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: p.code}
}

// RunAs runs a program with exactly this environment as another user, for instance
// a plugin as [NagiosUser].
func RunAs(t testing.TB, user *User, env []string, path string, args ...string) Result {
	t.Helper()
	return Run(t, Command{Path: path, Args: args, Env: env, User: user})
}

func (c Command) cmd(stdout, stderr io.Writer) *exec.Cmd {
	env := c.Env
	if env == nil {
		env = []string{daemonPath, "LC_ALL=C"}
	}
	argv0 := c.Argv0
	if argv0 == "" {
		argv0 = c.Path
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	return &exec.Cmd{
		Path: c.Path, Args: slices.Concat([]string{argv0}, c.Args), Env: slices.Concat([]string{}, env), Dir: dir,
		Stdin: strings.NewReader(c.Stdin), Stdout: stdout, Stderr: stderr,
		SysProcAttr: childAttributes(c.User), WaitDelay: 2 * time.Second,
	}
}

// process is a running program and the group it leads.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
	code int           // valid once done is closed
}

// start starts a program. A thread of its own, inside the namespace, starts it and
// waits for it: the child inherits the namespace, and the kernel's signal at its
// parent's death goes by thread.
func start(t testing.TB, c Command, stdout, stderr io.Writer) *process {
	t.Helper()
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		if c.Netns != nil {
			if err := enterNetns(c.Netns.Path()); err != nil {
				started <- err
				return
			}
		}
		cmd := c.cmd(stdout, stderr)
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.code = exitCode(cmd.Wait())
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", c.Path, err)
	}
	return p
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0
	case !errors.As(err, &exit):
		return -1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// stop ends the process and the group it leads, first politely.
func (p *process) stop() {
	if p.running() {
		_ = syscall.Kill(-p.pid, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(3 * time.Second):
		}
	}
	// Children that outlived it are still in its group; without any this fails.
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// waitFor polls until ready says so, and fails the test when that takes too long
// or the process ends first.
func (p *process) waitFor(t testing.TB, what string, limit time.Duration, log func() string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ready(); time.Sleep(20 * time.Millisecond) {
		if !p.running() {
			t.Fatalf("%s ended with %d before it was ready:\n%s", what, p.code, log())
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready after %v:\n%s", what, limit, log())
		}
	}
}

// Background starts a program that runs until the test ends, and returns its
// process id. What it prints is thrown away.
func Background(t testing.TB, c Command) int {
	t.Helper()
	p := start(t, c, io.Discard, io.Discard)
	t.Cleanup(p.stop)
	return p.pid
}
