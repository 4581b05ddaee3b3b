package history

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// An Outcome tells what one step did.
type Outcome struct {
	// Recorded is false where a later sample had been recorded already.
	Recorded bool
	// Reset is set where the counters were not those of the step before.
	Reset  bool
	Opens  uint64        // connections added
	Rows   int           // counters that changed
	Length time.Duration // what the step covers
}

// slack is how far back of the last sample a counter's newest connection may lie for
// the counter to be compared: the kernel stamps a connection a moment before it
// counts it.
const slack = 10 * time.Second

// source is the last sample's head.
type source struct {
	opens.Summary
	wall time.Time
}

// Record adds what was counted since the last recorded sample. It is one
// transaction: all of it happens or nothing. A sample that is not newer than the
// last adds nothing, so two runs at once count nothing twice.
func (d *DB) Record(ctx context.Context, s *opens.Sample) (Outcome, error) {
	outcome, err := d.record(ctx, s)
	return outcome, explain(d.path, err)
}

func (d *DB) record(ctx context.Context, s *opens.Sample) (Outcome, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return Outcome{}, err
	}
	defer tx.Rollback()
	last, err := lastSource(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.sameNamespace(last, s); err != nil {
		return Outcome{}, err
	}
	same := last != nil && last.Epoch == s.Epoch
	if same && s.Taken <= last.Taken {
		return Outcome{}, nil
	}
	st := &step{ctx: ctx, tx: tx, sample: s, last: last, same: same}
	if err := st.run(); err != nil {
		return Outcome{}, err
	}
	if err := d.tidy(ctx, tx, st); err != nil {
		return Outcome{}, err
	}
	if err := tx.Commit(); err != nil {
		return Outcome{}, err
	}
	return st.outcome, nil
}

// sameNamespace refuses to mix the counts of two namespaces in one history. Over a
// reboot a namespace cannot be recognised.
func (d *DB) sameNamespace(last *source, s *opens.Sample) error {
	if last == nil || last.Epoch.Boot != s.Epoch.Boot || last.Epoch.Namespace == s.Epoch.Namespace {
		return nil
	}
	return failure(ErrNamespace, nil, "the history ", d.path, " is about another network namespace: give each its own file")
}

func lastSource(ctx context.Context, q querier) (*source, error) {
	var (
		s                     source
		epoch, method         string
		wall                  int64
		in, out, ri, ro, lost int64
	)
	err := q.QueryRowContext(ctx, `SELECT epoch, method, since, taken, wall, opens_in, opens_out, rest_in, rest_out, lost FROM source`).
		Scan(&epoch, &method, &s.Since, &s.Taken, &wall, &in, &out, &ri, &ro, &lost)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.Epoch, err = opens.ParseEpoch(epoch); err != nil {
		return nil, err
	}
	s.Method, s.wall = opens.Method(method), time.Unix(0, wall)
	s.In = opens.Flow{Opens: uint64(in), Rest: uint64(ri)}
	s.Out = opens.Flow{Opens: uint64(out), Rest: uint64(ro)}
	s.Lost = uint64(lost)
	return &s, nil
}

// A step is one transaction of Record.
type step struct {
	ctx     context.Context
	tx      *sql.Tx
	sample  *opens.Sample
	last    *source // nil: the first ever
	same    bool    // last is of the same epoch
	start   int64   // the row that the step belongs to
	outcome Outcome

	look, mark, add *sql.Stmt
}

func (st *step) run() error {
	st.span()
	if err := st.prepare(); err != nil {
		return err
	}
	if !st.same {
		if _, err := st.tx.ExecContext(st.ctx, "DELETE FROM mark"); err != nil {
			return err
		}
	}
	for i := range st.sample.Totals {
		if err := st.total(&st.sample.Totals[i]); err != nil {
			return err
		}
	}
	for i := range st.sample.Peers {
		if err := st.peer(&st.sample.Peers[i]); err != nil {
			return err
		}
	}
	if err := st.rest(); err != nil {
		return err
	}
	return st.finish()
}

// span finds out what time the step covers. Its length is by the boot clock; the
// time of day only says when it ended.
func (st *step) span() {
	s := st.sample
	st.outcome = Outcome{Recorded: true, Reset: !st.same, Length: s.Length()}
	if st.same {
		st.outcome.Length = s.Taken - st.last.Taken
	}
	middle := s.Wall.Add(-st.outcome.Length / 2)
	st.start = floor(middle.Unix(), Step)
}

func floor(seconds int64, step time.Duration) int64 {
	length := int64(step / time.Second)
	rest := seconds % length
	if rest < 0 {
		rest += length
	}
	return seconds - rest
}

func (st *step) prepare() (err error) {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&st.look, `SELECT opens, overflow, first FROM mark WHERE direction = ? AND port = ? AND peer = ?`},
		{&st.mark, `INSERT INTO mark (direction, port, peer, opens, overflow, first) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET opens = excluded.opens, overflow = excluded.overflow, first = excluded.first`},
		{&st.add, `INSERT INTO step (start, direction, port, peer, opens) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET opens = opens + excluded.opens`},
	} {
		// The transaction closes its statements.
		if *p.stmt, err = st.tx.PrepareContext(st.ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// quiet reports whether a counter that has counted nothing since the last sample can
// be passed over. Zero is a method that does not know.
func (st *step) quiet(newest time.Duration) bool {
	return st.same && newest != 0 && newest < st.last.Taken-slack
}

// total notes a service's counter and records its overflow: the rest of it is in its
// peers.
func (st *step) total(t *opens.Total) error {
	if st.quiet(t.Last) {
		return nil
	}
	old, found, err := st.lookup(t.Service, noPeer)
	if err != nil {
		return err
	}
	delta := opens.Delta(opens.Mark{Opens: old.Overflow, First: old.First}, opens.Mark{Opens: t.Overflow, First: t.First})
	if !found {
		delta = t.Overflow
	}
	if err := st.count(t.Service, noPeer, delta); err != nil {
		return err
	}
	if found && old.Mark == t.Mark && old.Overflow == t.Overflow {
		return nil
	}
	return st.remember(t.Service, noPeer, t.Mark, t.Overflow)
}

func (st *step) peer(p *opens.Peer) error {
	if st.quiet(p.Last) {
		return nil
	}
	blob := peerBlob(p.Addr)
	old, found, err := st.lookup(p.Service, blob)
	if err != nil {
		return err
	}
	delta := p.Opens
	if found {
		delta = opens.Delta(old.Mark, p.Mark)
	}
	if delta == 0 {
		return nil
	}
	if err := st.count(p.Service, blob, delta); err != nil {
		return err
	}
	return st.remember(p.Service, blob, p.Mark, 0)
}

// rest records what no port's counter had room for, as port 0.
func (st *step) rest() error {
	for _, d := range [...]opens.Direction{opens.In, opens.Out} {
		delta := st.sample.Flow(d).Rest
		if st.same {
			delta = opens.Delta(opens.Mark{Opens: st.last.Flow(d).Rest}, opens.Mark{Opens: delta})
		}
		if err := st.count(opens.Service{Direction: d}, noPeer, delta); err != nil {
			return err
		}
	}
	return nil
}

func (st *step) lookup(s opens.Service, peer []byte) (t opens.Total, found bool, err error) {
	var count, overflow int64
	err = st.look.QueryRowContext(st.ctx, s.Direction, s.Port, peer).Scan(&count, &overflow, &t.First)
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	t.Opens, t.Overflow = uint64(count), uint64(overflow)
	return t, err == nil, err
}

func (st *step) remember(s opens.Service, peer []byte, m opens.Mark, overflow uint64) error {
	_, err := st.mark.ExecContext(st.ctx, s.Direction, s.Port, peer, int64(m.Opens), int64(overflow), int64(m.First))
	return err
}

func (st *step) count(s opens.Service, peer []byte, n uint64) error {
	if n == 0 {
		return nil
	}
	st.outcome.Rows++
	st.outcome.Opens += n
	_, err := st.add.ExecContext(st.ctx, st.start, s.Direction, s.Port, peer, int64(n))
	return err
}

// finish notes the sample's head and the time that is covered now.
func (st *step) finish() error {
	s := st.sample
	_, err := st.tx.ExecContext(st.ctx, `REPLACE INTO source VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Epoch.String(), string(s.Method), int64(s.Since), int64(s.Taken), s.Wall.UnixNano(),
		int64(s.In.Opens), int64(s.Out.Opens), int64(s.In.Rest), int64(s.Out.Rest), int64(s.Lost))
	if err != nil {
		return err
	}
	lost := s.Lost
	if st.same {
		lost = opens.Delta(opens.Mark{Opens: st.last.Lost}, opens.Mark{Opens: lost})
	}
	length := st.outcome.Length.Seconds()
	start := s.Wall.Add(-st.outcome.Length).Unix()
	// A step that goes on where the last ended makes its row longer.
	result, err := st.tx.ExecContext(st.ctx, `UPDATE covered SET stop = stop + ?1, lost = lost + ?3
		WHERE start = (SELECT max(start) FROM covered) AND stop BETWEEN ?2 - 2 AND ?2 + 2 AND ?4`,
		length, start, int64(lost), st.same)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = st.tx.ExecContext(st.ctx, `INSERT INTO covered VALUES (?1, ?2, ?3)
		ON CONFLICT DO UPDATE SET stop = stop + excluded.stop - excluded.start, lost = lost + excluded.lost`, start, float64(start)+length, int64(lost))
	return err
}

var noPeer = []byte{}

func peerBlob(addr netip.Addr) []byte {
	if !addr.IsValid() {
		return noPeer
	}
	return addr.Unmap().AsSlice()
}

func peerAddr(blob []byte) netip.Addr {
	addr, _ := netip.AddrFromSlice(blob)
	return addr.Unmap()
}
