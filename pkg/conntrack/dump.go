package conntrack

import (
	"context"
	"errors"
)

// Dump calls fn with every flow that the filter selects; nil selects all. The
// flow is reused: fn copies what it keeps. An error of fn ends the dump and is
// returned as it is.
//
// A dump is not a snapshot. Entries come and go while it runs, and the kernel
// does not say so for this table. Where a kernel does, the error after the
// last flow is ErrInterrupted; DumpConsistent tries again.
//
// Without CAP_NET_ADMIN the error is ErrPermission.
func (c *Client) Dump(ctx context.Context, filter *Filter, fn func(*Flow) error) error {
	if filter == nil {
		filter = &Filter{}
	}
	s, err := c.open(ctx, "dump")
	if err != nil {
		return err
	}
	d := dumper{client: c, session: s, filter: filter, fn: fn}
	defer func() { d.close() }()
	err = d.run(c.requests(filter))
	switch {
	case d.failed != nil:
		return d.failed
	case err != nil:
		return d.fail(err)
	case d.interrupted:
		return d.fail(ErrInterrupted)
	}
	return nil
}

// requests is the plan, without the kernel's help where it is not wanted.
func (c *Client) requests(filter *Filter) []request {
	if c.config.NoKernelFilter {
		return []request{{family: filter.Family}}
	}
	return plan(filter)
}

// dumpAttempts bounds DumpConsistent.
const dumpAttempts = 3

// DumpConsistent dumps as Dump does and starts again, a few times, when the
// kernel says that the table changed underneath. It calls reset before every
// attempt, so that what fn has collected can be dropped. When no attempt was
// undisturbed, the last one's flows stand and the error is ErrInterrupted.
func (c *Client) DumpConsistent(ctx context.Context, filter *Filter, reset func(), fn func(*Flow) error) error {
	var err error
	for range dumpAttempts {
		reset()
		err = c.Dump(ctx, filter, fn)
		if !errors.Is(err, ErrInterrupted) {
			return err
		}
	}
	return err
}

// A dumper runs the dumps of one Dump.
type dumper struct {
	*session
	client *Client
	filter *Filter
	fn     func(*Flow) error

	flow        Flow
	started     bool  // the kernel has sent an entry of this dump
	interrupted bool  // one of the dumps was
	failed      error // what fn returned
}

// run makes the dumps. Two filtered ones, a family each, walk the table twice,
// so a sample of it decides whether one walk is cheaper.
func (d *dumper) run(requests []request) error {
	if len(requests) == 2 {
		err := d.sample(requests[0].bothFamilies(), requests)
		if !errors.Is(err, errAbandon) {
			return err
		}
		if err := d.reopen(); err != nil {
			return err
		}
	}
	for _, r := range requests {
		if err := d.dump(r, d.entry); err != nil {
			return err
		}
	}
	return nil
}

// reopen leaves a dump behind that has not ended.
func (d *dumper) reopen() error {
	s, err := d.client.open(d.ctx, d.op)
	if err != nil {
		return err
	}
	d.session.close()
	d.session = s
	return nil
}

// dump makes one dump, without conditions where the kernel refuses them.
func (d *dumper) dump(r request, entry func(message) error) error {
	d.started = false
	err := d.request(r.marshal, entry)
	if refused(err) && r.filtered() && !d.started {
		err = d.request(r.plain().marshal, entry)
	}
	if errors.Is(err, ErrInterrupted) {
		d.interrupted, err = true, nil
	}
	return err
}

// entry takes one message of a dump.
func (d *dumper) entry(m message) error {
	selected, err := d.decode(m)
	if err != nil || !selected {
		return err
	}
	return d.deliver(&d.flow)
}

// decode reads the message's flow and says whether the filter selects it.
func (d *dumper) decode(m message) (selected bool, err error) {
	d.started = true
	if m.kind != messageNew {
		return false, nil
	}
	family, _, attrs, err := m.payload()
	if err != nil {
		return false, err
	}
	if _, err := decodeFlow(&d.flow, family, attrs); err != nil {
		return false, err
	}
	return d.filter.Match(&d.flow), nil
}

func (d *dumper) deliver(f *Flow) error {
	d.failed = d.fn(f)
	return d.failed
}
