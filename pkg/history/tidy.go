package history

import (
	"context"
	"database/sql"
	"time"
)

// jump is how far the time of day may go another way than the boot clock between two
// steps before nothing is thrown away by it.
const jump = time.Hour

// tidy keeps the history within its bounds. Where the time of day jumped, or nothing
// tells whether it did, it only guards the size.
func (d *DB) tidy(ctx context.Context, tx *sql.Tx, st *step) error {
	if st.steady() {
		now := st.sample.Wall
		if err := rollUp(ctx, tx, now); err != nil {
			return err
		}
		if err := forget(ctx, tx, now.Add(-d.options.keep()).Unix()); err != nil {
			return err
		}
	}
	if err := st.dropMarks(); err != nil {
		return err
	}
	return d.bound(ctx, tx)
}

func (st *step) steady() bool {
	if !st.same {
		return false
	}
	drift := st.sample.Wall.Sub(st.last.wall) - (st.sample.Taken - st.last.Taken)
	return drift.Abs() < jump
}

// rollUp makes hours of the steps that are older than two days.
func rollUp(ctx context.Context, tx *sql.Tx, now time.Time) error {
	limit := floor(now.Add(-fine).Unix(), Hour)
	_, err := tx.ExecContext(ctx, `INSERT INTO hour
		SELECT start - start % 3600, direction, port, peer, sum(opens) FROM step WHERE start < ?
		GROUP BY 1, 2, 3, 4
		ON CONFLICT DO UPDATE SET opens = opens + excluded.opens`, limit)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM step WHERE start < ?`, limit)
	return err
}

func forget(ctx context.Context, tx *sql.Tx, before int64) error {
	for _, text := range [...]string{
		`DELETE FROM hour WHERE start < ?`,
		`DELETE FROM step WHERE start < ?`,
		`DELETE FROM covered WHERE stop < ?`,
		`UPDATE covered SET start = ?1 WHERE start < ?1`,
	} {
		if _, err := tx.ExecContext(ctx, text, before); err != nil {
			return err
		}
	}
	return nil
}

// dropMarks forgets the marks of counters that the kernel has no more, once they are
// as many as the others.
func (st *step) dropMarks() error {
	var marks int
	if err := st.tx.QueryRowContext(st.ctx, `SELECT count(*) FROM mark`).Scan(&marks); err != nil {
		return err
	}
	if marks <= 2*(len(st.sample.Peers)+len(st.sample.Totals))+1000 {
		return nil
	}
	if _, err := st.tx.ExecContext(st.ctx, `DELETE FROM mark`); err != nil {
		return err
	}
	for _, t := range st.sample.Totals {
		if err := st.remember(t.Service, noPeer, t.Mark, t.Overflow); err != nil {
			return err
		}
	}
	for _, p := range st.sample.Peers {
		if err := st.remember(p.Service, peerBlob(p.Addr), p.Mark, 0); err != nil {
			return err
		}
	}
	return nil
}

// days at once that one step gives up for the size.
const maxGiveUp = 32

// bound keeps the file within its size: the peers of the oldest day become "other",
// and when all have, the oldest day goes.
func (d *DB) bound(ctx context.Context, tx *sql.Tx) error {
	for range maxGiveUp {
		used, err := usedBytes(ctx, tx)
		if err != nil || used <= d.options.size() {
			return err
		}
		if err := giveUpDay(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// usedBytes is the size without the pages that are free for new rows.
func usedBytes(ctx context.Context, q querier) (int64, error) {
	var used int64
	err := q.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&used)
	return used, err
}

func giveUpDay(ctx context.Context, tx *sql.Tx) error {
	const day = 24 * 60 * 60
	for _, table := range [...]string{"hour", "step"} {
		var oldest sql.NullInt64
		if err := tx.QueryRowContext(ctx, `SELECT min(start) FROM `+table+` WHERE length(peer) > 0`).Scan(&oldest); err != nil {
			return err
		}
		if !oldest.Valid {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO `+table+`
			SELECT start, direction, port, x'', sum(opens) FROM `+table+` WHERE start < ? AND length(peer) > 0 GROUP BY 1, 2, 3
			ON CONFLICT DO UPDATE SET opens = opens + excluded.opens`, oldest.Int64+day)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE start < ? AND length(peer) > 0`, oldest.Int64+day)
		return err
	}
	var oldest sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT min(start) FROM hour`).Scan(&oldest); err != nil || !oldest.Valid {
		return err
	}
	return forget(ctx, tx, oldest.Int64+day)
}
