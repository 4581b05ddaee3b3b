package main

import (
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// A kernel is what counts, or a stand-in for it.
type kernel struct {
	on      func(opens.Config) (opens.Result, error)
	off     func(opens.Config) error
	open    func(opens.Config) (opens.Counter, error)
	watch   func(opens.Config, opens.Query) (opens.Watcher, error)
	publish func(opens.Config, *opens.Sample) error
	evict   func(opens.Config, time.Duration) ([]opens.Peer, error)
	// uptime is the clock that counters tell their times in.
	uptime func() time.Duration
}

// linuxKernel is the one that we run on.
func linuxKernel() *kernel {
	return &kernel{
		on: opens.On, off: opens.Off, open: opens.Open, watch: opens.Watch, publish: opens.Publish, evict: opens.Evict,
		uptime: func() time.Duration {
			now, err := state.BootClock()
			if err != nil {
				return 0 // no Linux since 2.6.39 refuses
			}
			return now
		},
	}
}
