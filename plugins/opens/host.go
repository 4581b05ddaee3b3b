package main

import (
	"errors"
	"io/fs"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// place are the options that say where counters and history are.
type place struct {
	BPFFS string `long:"bpffs" unquote:"false" value-name:"DIR" description:"where the counters are pinned (default: /run/sockcensus/bpf)"`
	DB    string `long:"db" unquote:"false" value-name:"FILE" description:"the history (default: /var/lib/sockcensus/opens.db)"`
}

func (p *place) config() opens.Config { return opens.Config{Dir: p.BPFFS} }

func (p *place) database() string {
	if p.DB == "" {
		return history.DefaultPath
	}
	return p.DB
}

// A host is where a call looks: the counters, and the network namespace that
// was asked for.
type host struct {
	*kernel
	config   opens.Config
	database string
	now      func() time.Time
	handle   *netns.Handle // nil for our own namespace
}

// openHost finds the namespace. The host must be closed.
func openHost(call *plugin.Call, k *kernel, p *place) (*host, error) {
	h := &host{kernel: k, config: p.config(), database: p.database(), now: call.Env.Now}
	common := call.Common()
	if common.Source != "" && common.Source != "auto" {
		return nil, plugin.Usagef("--source %s: every connection is counted in one place only, so leave it at auto; sockcensus-opens status names it", quote.Text(common.Source))
	}
	if common.NetNS == "" {
		return h, nil
	}
	ref, err := netns.Parse(common.NetNS)
	if err != nil {
		return nil, plugin.Usagef("--netns: %w", err)
	}
	h.handle, err = ref.Open(kernfs.FromEnviron(call.Env.Getenv).ProcRoot())
	if err != nil {
		return nil, entered(err)
	}
	return h, nil
}

// entered says of a namespace that may not be entered that this takes root: unlike
// the tables of sockets, the counters are not below /proc/PID/net.
func entered(err error) error {
	var closed *netns.Error
	if errors.As(err, &closed) && errors.Is(closed, fs.ErrPermission) {
		return plugin.Usagef("--netns %s: the connections of another network namespace can only be read from inside, and entering it needs CAP_SYS_ADMIN (run as root)", quote.Text(closed.Ref.String()))
	}
	return err
}

func (h *host) close() {
	if h.handle != nil {
		h.handle.Close()
	}
}

// inside calls fn in the namespace.
func (h *host) inside(fn func() error) error {
	if h.handle == nil {
		return fn()
	}
	return entered(h.handle.Do(fn))
}

// counter calls fn with the open counters.
func (h *host) counter(fn func(opens.Counter) error) error {
	return h.inside(func() error {
		counter, err := h.open(h.config)
		if err != nil {
			return err
		}
		defer counter.Close()
		return fn(counter)
	})
}

// sample reads the services that want picks, with their peers.
func (h *host) sample(want func(opens.Service) bool) (*opens.Sample, error) {
	return h.read(func(counter opens.Counter) (*opens.Sample, error) {
		return opens.Take(counter, opens.Query{Want: want}, h.now())
	})
}

// totals reads the services that want picks without their peers, which are many.
func (h *host) totals(want func(opens.Service) bool) (*opens.Sample, error) {
	return h.read(func(counter opens.Counter) (s *opens.Sample, err error) {
		s = &opens.Sample{Wall: h.now()}
		s.Summary, err = counter.Read(opens.Query{Want: want}, opens.Visitor{Total: func(t opens.Total) error {
			s.Totals = append(s.Totals, t)
			return nil
		}})
		return s, err
	})
}

func (h *host) read(take func(opens.Counter) (*opens.Sample, error)) (s *opens.Sample, err error) {
	err = h.counter(func(counter opens.Counter) (err error) {
		s, err = take(counter)
		return err
	})
	if err == nil && s.Snapshot {
		err = h.fresh(s)
	}
	return s, err
}

// stale is the age at which a snapshot is no answer any more: the timer has
// missed two of its turns.
const stale = 15 * time.Minute

func (h *host) fresh(s *opens.Sample) error {
	if age := h.uptime() - s.Taken; age > stale {
		return plugin.Usagef("the counters cannot be read without a right, and the snapshot that the timer publishes is %s old: see systemctl status sockcensus-opens-record.timer", spell(age))
	}
	return nil
}

// clock turns times since boot into times of day.
func (h *host) clock() func(time.Duration) time.Time {
	now, up := h.now(), h.uptime()
	return func(d time.Duration) time.Time { return now.Add(d - up) }
}

// source says where numbers come from.
func source(s *opens.Summary) string {
	if s.Snapshot {
		return string(s.Method) + " snapshot"
	}
	return string(s.Method)
}
