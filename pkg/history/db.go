package history

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// DefaultPath is where the timer records.
const DefaultPath = "/var/lib/sockcensus/opens.db"

// The steps that are kept.
const (
	Step = 5 * time.Minute // of the last two days
	Hour = time.Hour       // of what is older
	// fine is how long the small steps are kept.
	fine = 48 * time.Hour
)

// Options bound the history. The zero value takes the defaults.
type Options struct {
	Keep time.Duration // what is older is forgotten; 0: 400 days
	// Size bounds the file in bytes; 0: 256 MiB. Beyond it the peers of the oldest
	// days become "other", so that the totals stay, and then the oldest days go.
	Size int64
	// Wait is how long to wait for another writer; 0: 10 s.
	Wait time.Duration
}

func (o Options) keep() time.Duration {
	if o.Keep <= 0 {
		return 400 * 24 * time.Hour
	}
	return o.Keep
}

func (o Options) size() int64 {
	if o.Size <= 0 {
		return 256 << 20
	}
	return o.Size
}

func (o Options) wait() time.Duration {
	if o.Wait <= 0 {
		return 10 * time.Second
	}
	return o.Wait
}

// A DB is an open history.
type DB struct {
	path    string
	db      *sql.DB
	options Options
}

const (
	applicationID = 0x736f636b // "sock"
	// Version 2 has fractions of seconds in covered.stop.
	schemaVersion = 2
)

// schema: a peer is the 4 or 16 bytes of its address, or nothing for "other": those
// that found no room among the peers, and with port 0 those that found none among
// the ports.
const schema = `
CREATE TABLE source (            -- the last sample
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	epoch     TEXT    NOT NULL,
	method    TEXT    NOT NULL,
	since     INTEGER NOT NULL,  -- ns since boot
	taken     INTEGER NOT NULL,  -- ns since boot
	wall      INTEGER NOT NULL,  -- ns since 1970
	opens_in  INTEGER NOT NULL,
	opens_out INTEGER NOT NULL,
	rest_in   INTEGER NOT NULL,
	rest_out  INTEGER NOT NULL,
	lost      INTEGER NOT NULL);
CREATE TABLE mark (              -- its counters
	direction INTEGER NOT NULL,
	port      INTEGER NOT NULL,
	peer      BLOB    NOT NULL,  -- empty: the service itself
	opens     INTEGER NOT NULL,
	overflow  INTEGER NOT NULL,
	first     INTEGER NOT NULL,
	PRIMARY KEY (direction, port, peer)) WITHOUT ROWID;
CREATE TABLE step (              -- five minutes
	start     INTEGER NOT NULL,  -- s since 1970
	direction INTEGER NOT NULL,
	port      INTEGER NOT NULL,
	peer      BLOB    NOT NULL,
	opens     INTEGER NOT NULL,
	PRIMARY KEY (start, direction, port, peer)) WITHOUT ROWID;
CREATE TABLE hour (
	start     INTEGER NOT NULL,
	direction INTEGER NOT NULL,
	port      INTEGER NOT NULL,
	peer      BLOB    NOT NULL,
	opens     INTEGER NOT NULL,
	PRIMARY KEY (start, direction, port, peer)) WITHOUT ROWID;
CREATE TABLE covered (           -- when counting was seen
	start     INTEGER PRIMARY KEY, -- s since 1970
	stop      REAL    NOT NULL,  -- start and the exact length, in s
	lost      INTEGER NOT NULL);`

// Create opens a history for writing and begins it where there is none. The file is
// readable by all; its directory must be there.
func Create(path string, o Options) (*DB, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(file.Chmod(0o644), file.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, createFailure(path, err)
	}
	d, err := connect(path, o, "mode=rw&_txlock=immediate&_pragma=journal_mode(delete)&_pragma=synchronous(full)")
	if err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		_ = d.Close()
		return nil, explain(path, err)
	}
	return d, nil
}

func createFailure(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return failure(ErrMissing, err, "there is no directory ", filepath.Dir(path), " for the history: make it, or give another file")
	}
	if text := err.Error(); !errors.Is(err, fs.ErrPermission) {
		return failure(ErrReadOnly, err, "the history cannot be begun: ", text)
	}
	return failure(ErrPermission, err, "no right to begin the history ", path, ": run as root, or give another file")
}

// Open opens a history for reading. It takes the right to read the file.
func Open(path string, o Options) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, explain(path, err)
	}
	d, err := connect(path, o, "mode=ro&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	if err := d.check(context.Background(), d.db); err != nil {
		_ = d.Close()
		return nil, explain(path, err)
	}
	return d, nil
}

func connect(path string, o Options, parameters string) (*DB, error) {
	wait := strconv.FormatInt(o.wait().Milliseconds(), 10)
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(" + wait + ")&" + parameters
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, explain(path, err)
	}
	db.SetMaxOpenConns(1)
	return &DB{path: path, db: db, options: o}, nil
}

// Close closes the file.
func (d *DB) Close() error { return d.db.Close() }

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// prepare makes the tables in an empty file; of two writers at once one does.
func (d *DB) prepare() error {
	ctx := context.Background()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	begin := "PRAGMA application_id=" + strconv.Itoa(applicationID) + ";" + schema
	if tables > 0 {
		if err := d.check(ctx, tx); err != nil {
			return err
		}
		begin = ""
	}
	if err := upgrade(ctx, tx, begin); err != nil {
		return err
	}
	return tx.Commit()
}

// upgrade makes the tables, unless they are there, and notes their version. Those of
// version 1 take what version 2 writes.
func upgrade(ctx context.Context, tx *sql.Tx, tables string) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == schemaVersion {
		return err
	}
	_, err := tx.ExecContext(ctx, tables+"PRAGMA user_version="+strconv.Itoa(schemaVersion))
	return err
}

// check sees that the file is ours and of a version that we know.
func (d *DB) check(ctx context.Context, q querier) error {
	var id, version int
	if err := q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case id == 0 && version == 0 && d.empty(ctx, q):
		return failure(ErrMissing, nil, "the history ", d.path, " is empty: sockcensus-opens record has not run yet")
	case id != applicationID:
		return failure(ErrForeign, nil, d.path, " is a database, but no history of sockcensus: give another file")
	case version > schemaVersion:
		return failure(ErrNewer, nil, "the history ", d.path, " was made by a newer sockcensus: use the newer one")
	}
	return nil
}

func (d *DB) empty(ctx context.Context, q querier) bool {
	var tables int
	err := q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables)
	return err == nil && tables == 0
}

// Verify reads the whole file and says whether it is sound.
func (d *DB) Verify(ctx context.Context) error {
	var result string
	if err := d.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return explain(d.path, err)
	}
	if result != "ok" {
		return damaged(d.path, errors.New(result))
	}
	return nil
}

// MoveAside renames a history that cannot be used, with its journal, and returns
// the new name. Nothing else ever takes a history away.
func MoveAside(path string, now time.Time) (string, error) {
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	if _, err := os.Lstat(aside); err == nil {
		return "", failure(ErrBusy, fs.ErrExist, aside, " is there already")
	}
	if err := os.Rename(path+"-journal", aside+"-journal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", explain(path, err)
	}
	if err := os.Rename(path, aside); err != nil {
		return "", explain(path, err)
	}
	return aside, nil
}
