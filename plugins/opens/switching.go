package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// switchingOn holds the options of "opens on".
type switchingOn struct {
	plugin.Common
	plugin.Output
	place
	Method string `long:"method" unquote:"false" value-name:"auto|sockops|nft" description:"how to count (default: auto, which is sockops where the kernel allows it)"`
	Size   string `long:"size" unquote:"false" value-name:"N" description:"pairs of port and peer that are counted apart (default: 65536)"`
	kernel *kernel
}

// List switches counting on.
func (o *switchingOn) List(_ context.Context, call *plugin.Call) (*report.Table, error) {
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	if err := o.configure(&h.config); err != nil {
		return nil, err
	}
	var result opens.Result
	var status *opens.Status
	err = h.inside(func() (err error) {
		result, err = h.on(h.config)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = h.counter(func(counter opens.Counter) (err error) {
		status, err = counter.Status()
		return err
	})
	if err != nil {
		return nil, err
	}
	return o.table(call, &result, status), nil
}

func (o *switchingOn) configure(c *opens.Config) (err error) {
	if o.Method != "" {
		if c.Method, err = opens.ParseMethod(o.Method); err != nil {
			return plugin.Usagef("--method: %w", err)
		}
	}
	if o.Size == "" {
		return nil
	}
	c.Size, err = strconv.Atoi(o.Size)
	if err != nil || c.Size < opens.MinSize || c.Size > opens.MaxSize {
		return plugin.Usagef("--size %s: use a number from %d to %d", quote.Text(o.Size), opens.MinSize, opens.MaxSize)
	}
	return nil
}

func (o *switchingOn) table(call *plugin.Call, result *opens.Result, status *opens.Status) *report.Table {
	row := []report.Cell{
		report.Text(string(result.Change)), report.Text(string(result.Method)), report.Uint(status.Peers.Size),
		orNull(status.Memory > 0, report.Uint(status.Memory)), report.Text(status.Place),
	}
	table := &report.Table{
		Noun: "opens", Time: call.Env.Now(), Source: func() string { return string(result.Method) },
		Columns: []report.Column{
			{Key: "change", Title: "CHANGE"}, {Key: "method", Title: "METHOD"}, {Key: "size", Title: "SIZE", Right: true},
			{Key: "memory_bytes", Title: "MEMORY", Right: true}, {Key: "place", Title: "PLACE"},
		},
		Rows: func(yield func([]report.Cell, error) bool) { yield(row, nil) },
	}
	if result.Reason != "" {
		table.Notes = append(table.Notes, "not by the sockops method: "+result.Reason)
	}
	if size, _ := strconv.Atoi(o.Size); size != 0 && size != status.Peers.Size {
		table.Notes = append(table.Notes, fmt.Sprintf("the tables have room for %d pairs of port and peer and keep that size, because with it their counts would go: sockcensus-opens off and then on --size %d make new ones",
			status.Peers.Size, size))
	}
	return table
}

func orNull(known bool, cell report.Cell) report.Cell {
	if !known {
		return report.Null()
	}
	return cell
}

// switchingOff holds the options of "opens off".
type switchingOff struct {
	plugin.Common
	plugin.Output
	place
	kernel *kernel
}

// List switches counting off. Where it is off already there is nothing to do.
func (o *switchingOff) List(_ context.Context, call *plugin.Call) (*report.Table, error) {
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	err = h.inside(func() error { return h.off(h.config) })
	change := "stopped"
	if errors.Is(err, opens.ErrOff) {
		change, err = string(opens.Unchanged), nil
	}
	if err != nil {
		return nil, err
	}
	return &report.Table{
		Noun: "opens", Time: call.Env.Now(), Columns: []report.Column{{Key: "change", Title: "CHANGE"}},
		Rows: func(yield func([]report.Cell, error) bool) { yield([]report.Cell{report.Text(change)}, nil) },
	}, nil
}
