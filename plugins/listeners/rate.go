package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// addRate adds how many drops there are per second since the last run. Each
// socket is remembered by its cookie, so that a listener that goes away takes
// nothing from the sum.
func addRate(ctx context.Context, call *plugin.Call, r *report.Report, s *survey) {
	metric := report.Metric{
		Name: "drops_rate", Label: "drops per second", Help: "Connections and packets dropped per second since the last run.", Min: report.Count(0),
	}
	value, notes, err := s.dropRate(ctx, call)
	metric.Value = value
	if err != nil {
		r.Problems = append(r.Problems, "drops_rate is unknown: "+err.Error())
	}
	r.Details = append(r.Details, notes...)
	g := &r.Graphs[0]
	g.Metrics = append(g.Metrics, metric)
}

func (s *survey) dropRate(ctx context.Context, call *plugin.Call) (value report.Value, notes []string, err error) {
	sample, err := s.dropSample()
	if err != nil {
		return report.Unknown(), nil, err
	}
	store, err := state.Open(call.Common().StateDir, state.CheckFile("listeners.drops", call.Env.Args), "listeners-drops-1", call.Env.Getenv)
	if err != nil {
		return report.Unknown(), nil, err
	}
	rates, note, err := store.Rates(ctx, sample)
	if note != nil {
		notes = append(notes, note.Error())
	}
	if err != nil {
		return report.Unknown(), notes, err
	}
	sum, known := 0.0, len(rates) == 0
	for _, rate := range rates {
		sum += rate.PerSecond
		known = known || rate.Known()
	}
	if !known {
		return report.Collecting(), notes, nil
	}
	return report.Number(sum), notes, nil
}

// dropSample is what each socket has dropped up to now.
func (s *survey) dropSample() (state.Sample, error) {
	boot, err := s.selected.Root.BootID()
	if err != nil {
		return state.Sample{}, err
	}
	sample := state.Sample{Epoch: boot, Values: map[string]uint64{}}
	if sample.At, err = state.BootClock(); err != nil {
		return sample, err
	}
	for _, one := range s.sockets {
		if one.uncounted {
			continue
		}
		if !one.known.Has(sock.FieldMemory | sock.FieldCookie) {
			return sample, errors.New(s.undecided(howDropped))
		}
		sample.Values[strconv.FormatUint(one.cookie, 16)] = uint64(one.drops)
	}
	return sample, nil
}
