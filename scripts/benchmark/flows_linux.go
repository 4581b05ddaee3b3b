package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// benchmarkFlows asks about the connection-tracking table of a namespace.
func benchmarkFlows(ctx context.Context, s *settings) ([]result, error) {
	b := &bench{settings: s}
	var results []result
	for _, q := range flowsQuestions(s.bin, flows(s.flows)) {
		r := result{question: q, size: s.flows, unit: " flows"}
		for _, side := range q.sides[:2] {
			r.missing = cmp.Or(r.missing, b.missing(side))
		}
		results = append(results, r)
	}
	if results[0].missing != "" {
		return results, nil
	}
	fmt.Fprintf(os.Stderr, "bench: %d tracked flows: loading\n", s.flows)
	host, err := newTrackingHost(ctx, flows(s.flows), s.buckets)
	if err != nil {
		return nil, err
	}
	defer host.close()
	b.busy = host
	for i := range results {
		r := &results[i]
		fmt.Fprintf(os.Stderr, "bench: %s, %d rounds\n", r.title, s.roundsFor(r.question, s.flows))
		b.measure(ctx, r)
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
	}
	return results, nil
}

// newTrackingHost makes a namespace and loads the flows into its table.
func newTrackingHost(ctx context.Context, n flows, buckets int) (*host, error) {
	ns, err := newNamespace(buckets)
	if err != nil {
		return nil, err
	}
	if err := loadFlows(ctx, n); err != nil {
		ns.close()
		return nil, err
	}
	return &host{namespace: ns}, nil
}

func loadFlows(ctx context.Context, n flows) error {
	file, err := memoryFile()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := n.write(file); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "conntrack", "--load-file", "/dev/fd/3")
	cmd.ExtraFiles = []*os.File{file}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("conntrack --load-file (conntrack-tools 1.4.7 or newer): %w: %s", err, firstLine(string(out)))
	}
	return flowsLoaded(n)
}

// flowsLoaded makes sure that the table took them all; nf_conntrack_max is the
// host's and is left alone.
func flowsLoaded(n flows) error {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return err
	}
	if count := strings.TrimSpace(string(text)); count != fmt.Sprint(int(n)) {
		return errors.New("the table holds " + count + " flows of " + fmt.Sprint(int(n)) + "; is net.netfilter.nf_conntrack_max large enough?")
	}
	return nil
}
