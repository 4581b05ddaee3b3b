package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// The sources, as --source names them.
const (
	fromAuto    = "auto"
	fromNetlink = "netlink"
	fromProc    = "proc"
)

// A host is where a call looks: /proc, and the network namespace that was
// asked for.
type host struct {
	root   kernfs.FS
	proc   fs.FS
	handle *netns.Handle // nil for our own namespace
	source string
}

// openHost finds the namespace. The host must be closed.
func openHost(call *plugin.Call) (*host, error) {
	common := call.Common()
	h := &host{root: kernfs.FromEnviron(call.Env.Getenv), source: common.Source}
	h.proc = os.DirFS(h.root.ProcRoot())
	switch h.source {
	case "":
		h.source = fromAuto
	case fromAuto, fromNetlink, fromProc:
	default:
		return nil, plugin.Usagef("--source %s: use auto, netlink or proc", quote.Text(common.Source))
	}
	if common.NetNS == "" {
		return h, nil
	}
	ref, err := netns.Parse(common.NetNS)
	if err != nil {
		return nil, plugin.Usagef("--netns: %w", err)
	}
	h.handle, err = ref.Open(h.root.ProcRoot())
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (h *host) close() {
	if h.handle != nil {
		h.handle.Close()
	}
}

// namespace tells namespaces apart in what is remembered between runs.
func (h *host) namespace() netns.ID {
	if h.handle != nil {
		return h.handle.ID()
	}
	id, _ := netns.Current() // one namespace that nothing names
	return id
}

// client asks about flows, which only netlink knows.
func (h *host) client() (*conntrack.Client, error) {
	if h.source == fromProc {
		return nil, plugin.Usagef("--source proc knows the fill of the table and the statistics; flows and events come over netlink alone")
	}
	if h.handle == nil {
		return conntrack.New(conntrack.Config{}), nil
	}
	if h.handle.Fd() < 0 {
		return nil, h.handle.Do(func() error { return nil }) // it says which right is missing
	}
	if own, err := netns.Current(); err == nil && own == h.handle.ID() {
		return conntrack.New(conntrack.Config{}), nil
	}
	return conntrack.New(conntrack.Config{NetNS: h.handle.Fd()}), nil
}

// netDir is a directory with network tables as a path below /proc.
func (h *host) netDir(dir string) string {
	below, err := filepath.Rel(h.root.ProcRoot(), dir)
	if err != nil {
		return "net"
	}
	return filepath.ToSlash(below)
}

// inside calls fn with the namespace's net directory. A process's can be read
// from outside, without any right; for another one the namespace is entered.
func (h *host) inside(fn func(net string) error) error {
	switch {
	case h.handle == nil:
		return fn(h.netDir(h.root.NetDir()))
	case h.handle.NetDir() != "":
		return fn(h.netDir(h.handle.NetDir()))
	default:
		return h.handle.Do(func() error { return fn(h.netDir(h.root.NetDir())) })
	}
}

// table is how full the table is, and from where that is known.
func (h *host) table(ctx context.Context) (t conntrack.Table, source string, err error) {
	if h.source == fromNetlink {
		t, err = h.tableByNetlink(ctx)
		return t, fromNetlink, err
	}
	err = h.inside(func(net string) (err error) {
		if h.handle != nil && h.handle.NetDir() != "" {
			t, err = conntrack.ReadTableOf(h.proc, net)
		} else {
			t, err = conntrack.ReadTable(h.proc)
		}
		return err
	})
	if errors.Is(err, conntrack.ErrNotLoaded) && h.handle != nil && h.handle.Fd() >= 0 {
		// A kernel without the statistics file shows the fill inside alone.
		err = h.handle.Do(func() (err error) {
			t, err = conntrack.ReadTable(h.proc)
			return err
		})
	}
	return t, fromProc, err
}

func (h *host) tableByNetlink(ctx context.Context) (conntrack.Table, error) {
	client, err := h.client()
	if err != nil {
		return conntrack.Table{}, err
	}
	return client.Table(ctx)
}

// statistics are the counters of each CPU, and from where they are known. Where
// /proc has none (CONFIG_NF_CONNTRACK_PROCFS) netlink may.
func (h *host) statistics(ctx context.Context) (cpus []conntrack.Stats, source string, err error) {
	if h.source != fromNetlink {
		err = h.inside(func(net string) error {
			stats, err := conntrack.ReadStats(h.proc, net)
			cpus = stats.CPUs
			return err
		})
		if err == nil || !errors.Is(err, conntrack.ErrNotLoaded) {
			return cpus, fromProc, err
		}
		if _, _, tableErr := h.table(ctx); tableErr != nil {
			return nil, fromProc, err
		}
		if h.source == fromProc {
			return nil, fromProc, errNoStatistics
		}
	}
	client, err := h.client()
	if err != nil {
		return nil, fromNetlink, err
	}
	cpus, err = client.Stats(ctx)
	return cpus, fromNetlink, err
}

// use says whether the tracker works in the namespace.
func (h *host) use() (use conntrack.Use, err error) {
	err = h.inside(func(net string) (err error) {
		use, err = conntrack.Detect(h.proc, net)
		return err
	})
	return use, err
}

// idle is the sentence that says why nothing is tracked, where that is so.
func (h *host) idle() (sentence string, idle bool) {
	use, err := h.use()
	if err != nil || use == conntrack.InUse {
		return "", false
	}
	return use.String(), true
}
