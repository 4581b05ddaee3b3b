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
// output goes into memory without a reader beside it.
func run(ctx context.Context, argv []string) (outcome, error) {
	output, err := memoryFile()
	if err != nil {
		return outcome{}, err
	}
	defer output.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = childEnvironment(), output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	text, readErr := contents(output)
	if err = errors.Join(context.Cause(ctx), err, readErr); err != nil {
		return outcome{}, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, firstLine(text))
	}
	used := cmd.ProcessState
	return outcome{sample{wall, used.UserTime() + used.SystemTime()}, text}, nil
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
	var used unix.Rusage
	for {
		_, err = unix.Wait4(-group, nil, 0, &used)
		if err != unix.EINTR {
			break
		}
	}
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
