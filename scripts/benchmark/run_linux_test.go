package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestRunCountsAllProcesses(t *testing.T) {
	out, err := run(context.Background(), []string{"sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done | wc -l; echo two >&2"})
	if err != nil || strings.TrimSpace(out.output) != "0\ntwo" {
		t.Fatalf("%q, %v", out.output, err)
	}
	if out.cpu < time.Millisecond || out.wall < time.Millisecond {
		t.Errorf("the loop in the pipeline cost %v of %v: it was not counted", out.cpu, out.wall)
	}
}

func TestRunSaysWhatFailed(t *testing.T) {
	_, err := run(context.Background(), []string{"sh", "-c", "echo it broke; exit 3"})
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("%v", err)
	}
}

func TestRunEndsTheWholeGroup(t *testing.T) {
	reason := errors.New("too long")
	ctx, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, reason)
	defer cancel()
	start := time.Now()
	if _, err := run(ctx, []string{"sh", "-c", "sleep 20 | cat"}); !errors.Is(err, reason) || time.Since(start) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

// The memory of this process must not show in that of what it starts.
func TestPeakMemoryIsTheCommandsOwn(t *testing.T) {
	if err := adoptOrphans(); err != nil {
		t.Fatal(err)
	}
	ballast := bytes.Repeat([]byte{1}, 64<<20)
	peak, err := peakMemory(context.Background(), []string{"sh", "-c", "sleep 0 | cat"})
	if err != nil || peak < 100<<10 || peak > 32<<20 {
		t.Errorf("%d bytes, %v", peak, err)
	}
	if ballast[len(ballast)-1] != 1 {
		t.Error("ballast")
	}
}

func TestNamespaceHasItsOwnHash(t *testing.T) {
	done := make(chan error)
	before, err := os.ReadFile(childHashFile)
	if err != nil {
		t.Skipf("the kernel gives no namespace its own hash: %v", err)
	}
	go func() { // ends with its thread, which stays in the namespace
		runtime.LockOSThread()
		ns, err := newNamespace(1024)
		if err == nil {
			ns.close()
		}
		done <- err
	}()
	err = <-done
	if errors.Is(err, errRights) {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(childHashFile); !bytes.Equal(before, after) {
		t.Errorf("the caller's setting was %s, it is %s", before, after)
	}
}
