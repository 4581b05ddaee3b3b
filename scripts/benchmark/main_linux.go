package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The main thread is the one that enters namespaces and starts processes.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) > 1 && os.Args[1] == holdCommand {
		os.Exit(hold(os.Args[2:]))
	}
	os.Exit(start(os.Args[1:]))
}

func start(args []string) int {
	smoke := len(args) == 1 && args[0] == "smoke"
	if len(args) > 0 && !smoke {
		fmt.Fprintln(os.Stderr, "usage: scripts/bench [smoke]; options are in the environment, scripts/bench lists them")
		return 1
	}
	s, err := readSettings(os.Getenv, smoke)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	results, err := benchmark(ctx, &s)
	if errors.Is(err, errRights) && !s.mustWork {
		fmt.Fprintln(os.Stderr, "bench: SKIPPED, nothing was measured:", err)
		return 0
	}
	if len(results) > 0 {
		printResults(os.Stdout, &s, results)
	}
	if err = errors.Join(err, failures(results)); err != nil {
		fmt.Fprintln(os.Stderr, "bench: FAILED:", err)
		return 1
	}
	return 0
}

var errInterrupted = errors.New("interrupted")

// benchmark measures every size, each in fresh namespaces.
func benchmark(ctx context.Context, s *settings) ([]result, error) {
	if err := adoptOrphans(); err != nil {
		return nil, err
	}
	descriptors, err := mostDescriptors()
	if err != nil {
		return nil, err
	}
	var results []result
	for i, size := range s.sizes {
		p, err := newPopulation(size, s.share, descriptors)
		if err == nil {
			err = enoughMemory(p)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: SKIPPED %d connections: %v\n", size, err)
			continue
		}
		part, err := benchmarkSize(ctx, s, p, i == 0)
		results = append(results, part...)
		if err != nil {
			return results, err
		}
	}
	if s.asks("conntrack") {
		part, err := benchmarkFlows(ctx, s)
		return append(results, part...), err
	}
	return results, nil
}

func benchmarkSize(ctx context.Context, s *settings, p population, first bool) ([]result, error) {
	asked := slices.DeleteFunc(questions(s, p), func(q question) bool { return q.once && !first })
	if len(asked) == 0 {
		return nil, nil
	}
	fmt.Fprintf(os.Stderr, "bench: %d connections: opening\n", p.connections)
	busy, err := newHost(p, s.buckets)
	if err != nil {
		return nil, err
	}
	defer busy.close()
	b := &bench{settings: s, busy: busy}
	var results []result
	for _, q := range asked {
		if !q.alone && b.idle == nil {
			if b.idle, err = newHost(p.listenersOnly(), s.buckets); err != nil {
				return results, err
			}
			defer b.idle.close()
		}
		fmt.Fprintf(os.Stderr, "bench: %d connections: %s, %d rounds\n", p.connections, q.title, s.roundsFor(q, p.connections))
		r := result{question: q, size: p.connections}
		b.measure(ctx, &r)
		if ctx.Err() != nil {
			return results, errInterrupted
		}
		results = append(results, r)
	}
	return results, nil
}

// socketMemory is about what one established socket without data needs, with its
// file and inode; it was measured on Linux 6.18 and is not exact.
const socketMemory = 5 << 10

func enoughMemory(p population) error {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	need := uint64(p.sockets())*socketMemory + 256<<20
	free := (info.Freeram + info.Bufferram) * uint64(info.Unit)
	if available, err := availableMemory(); err == nil {
		free = available
	}
	if free < need {
		return fmt.Errorf("they need about %d MB of memory, %d MB are free", need>>20, free>>20)
	}
	return nil
}

// availableMemory is MemAvailable of /proc/meminfo in bytes: what can be had
// without swapping, the page cache included.
func availableMemory() (uint64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), "MemAvailable:")
	if !found {
		return 0, errors.New("no MemAvailable in /proc/meminfo")
	}
	var kilobytes uint64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		return 0, err
	}
	return kilobytes << 10, nil
}

// failures joins what went wrong; a missed target is not a failure.
func failures(results []result) error {
	var errs []error
	for _, r := range results {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("%s, size %s: %w", r.title, sizeOf(r), r.err))
		}
	}
	return errors.Join(errs...)
}
