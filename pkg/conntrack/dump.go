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
	defer s.close()

	d := dumper{session: s, filter: filter, fn: fn}
	interrupted := false
	for _, r := range plan(filter) {
		if c.config.NoKernelFilter {
			r = r.plain()
		}
		err := d.dump(r)
		if refused(err) && r.filtered() && !d.started {
			err = d.dump(r.plain())
		}
		if errors.Is(err, ErrInterrupted) {
			interrupted, err = true, nil
		}
		if d.failed != nil {
			return d.failed
		}
		if err != nil {
			return s.fail(err)
		}
	}
	if interrupted {
		return s.fail(ErrInterrupted)
	}
	return nil
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
	filter  *Filter
	fn      func(*Flow) error
	flow    Flow
	started bool  // the kernel has sent an entry of this dump
	failed  error // what fn returned
}

func (d *dumper) dump(r request) error {
	d.started = false
	return d.request(r.marshal, d.entry)
}

// entry takes one message of the dump.
func (d *dumper) entry(m message) error {
	d.started = true
	if m.kind != messageNew {
		return nil
	}
	family, _, attrs, err := m.payload()
	if err != nil {
		return err
	}
	if _, err := decodeFlow(&d.flow, family, attrs); err != nil {
		return err
	}
	if !d.filter.Match(&d.flow) {
		return nil
	}
	d.failed = d.fn(&d.flow)
	return d.failed
}
