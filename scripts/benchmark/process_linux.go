package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outcome is one whole run of a command.
type outcome struct {
	sample
	output string
}

// childEnvironment is the same for every side, whatever the caller has set.
func childEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/"}
}

// run starts the command in the calling thread's namespace and waits for it. Its
// output goes into memory without a reader beside it, and the calling thread
// itself waits: what this program does meanwhile would count for both sides.
func run(ctx context.Context, argv []string) (outcome, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return outcome{}, err
	}
	output, err := memoryFile()
	if err != nil {
		return outcome{}, err
	}
	defer output.Close()
	attr := &syscall.ProcAttr{
		Env:   childEnvironment(),
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	start := time.Now()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return outcome{}, fmt.Errorf("starting %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-pid, syscall.SIGKILL) })
	status, used, err := wait(pid)
	wall := time.Since(start)
	stop()
	text, readErr := contents(output)
	if err == nil && status != 0 {
		err = ending(status)
	}
	if err = errors.Join(context.Cause(ctx), err, readErr); err != nil {
		return outcome{}, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, firstLine(text))
	}
	return outcome{sample{wall, time.Duration(used.Utime.Nano() + used.Stime.Nano())}, text}, nil
}

// null is the standard input of every command.
var null = openNull()

func openNull() *os.File {
	f, err := os.Open(os.DevNull)
	if err != nil {
		panic(err) // a system without /dev/null runs nothing
	}
	return f
}

// wait waits for a process, or with a negative number for one of a group, and
// returns what it and the processes it waited for used.
func wait(pid int) (status unix.WaitStatus, used unix.Rusage, err error) {
	for {
		_, err = unix.Wait4(pid, &status, 0, &used)
		if err != unix.EINTR {
			return status, used, err
		}
	}
}

// ending says how a command failed.
func ending(status unix.WaitStatus) error {
	if status.Signaled() {
		return fmt.Errorf("ended by signal: %v", status.Signal())
	}
	return fmt.Errorf("exit code %d", status.ExitStatus())
}

// peakMemory runs the command once more and returns the largest resident size
// of its processes in bytes. A process counts the memory of the one that started
// it as its own until exec, so the start goes through a small shell, which leaves
// the command to this process (PR_SET_CHILD_SUBREAPER) and is not counted.
func peakMemory(ctx context.Context, argv []string) (int64, error) {
	output, err := memoryFile()
	if err != nil {
		return 0, err
	}
	defer output.Close()
	cmd := exec.Command("sh", append([]string{"-c", `"$@" &`, "sh"}, argv...)...)
	cmd.Env, cmd.Stdout = childEnvironment(), output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	group := cmd.Process.Pid
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-group, syscall.SIGKILL) })
	defer stop()
	_, used, err := wait(-group)
	if err = errors.Join(context.Cause(ctx), err); err != nil {
		return 0, fmt.Errorf("waiting for %s: %w", argv[0], err)
	}
	return used.Maxrss << 10, nil
}

// adoptOrphans makes this process the parent of what its children leave behind.
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("a file in memory for the output: %w", err)
	}
	return os.NewFile(uintptr(fd), "output"), nil
}

func contents(f *os.File) (string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(b), err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
