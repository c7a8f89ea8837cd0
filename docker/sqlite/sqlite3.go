// Package sqlite3 is the part of github.com/mattn/go-sqlite3 that Ory's programs use, without C: SQLite is modernc.org/sqlite, which
// is its source translated to Go. Errors, times, booleans and transactions are those of mattn's package, so that a database written by
// either is read by the other.
//
// The options of a DSN are modernc's, which knows mattn's names of those that Ory sets: _fk, _journal_mode, _synchronous, _txlock and
// _busy_timeout.
package sqlite3

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	modern "modernc.org/sqlite"
)

// ErrNo is a primary result code of SQLite (https://www.sqlite.org/rescode.html).
type ErrNo int

// ErrNoExtended is an extended result code: a primary one in its lowest byte, and what happened exactly above it.
type ErrNoExtended int

// The codes that Ory compares with.
const (
	ErrError  = ErrNo(1)
	ErrLocked = ErrNo(6)

	ErrConstraintPrimaryKey = ErrNoExtended(1555)
	ErrConstraintUnique     = ErrNoExtended(2067)
)

// Error is a failure that SQLite reports, with SQLite's own message.
type Error struct {
	Code         ErrNo
	ExtendedCode ErrNoExtended
	message      string
}

func (e Error) Error() string { return e.message }

// SQLiteDriver opens connections. It is registered as "sqlite3".
type SQLiteDriver struct{ inner modern.Driver }

func init() { sql.Register("sqlite3", &SQLiteDriver{}) }

// waitForTurn is how long a connection waits for another's lock if its DSN doesn't say it, in milliseconds.
const waitForTurn = "5000"

// Open opens a database file: "file:PATH?OPTION=VALUE&…".
func (d *SQLiteDriver) Open(dsn string) (driver.Conn, error) {
	inner, err := d.inner.Open(withDefaults(dsn))
	if err != nil {
		return nil, translated(err)
	}
	return &connection{inner}, nil
}

// withDefaults adds what mattn's package does unasked: the format of times, integers read as times, the wait for a lock, how often a
// file is synchronized.
func withDefaults(dsn string) string {
	name, options, _ := strings.Cut(dsn, "?")
	added := "_time_format=sqlite&_inttotime=true"
	if !strings.Contains(options, "_busy_timeout=") && !strings.Contains(options, "_timeout=") {
		added += "&_busy_timeout=" + waitForTurn
	}
	if !strings.Contains(options, "_synchronous=") && !strings.Contains(options, "_sync=") {
		added += "&_synchronous=NORMAL"
	}
	return name + "?" + strings.TrimPrefix(options+"&"+added, "&")
}

// codes are what modernc appends to a message: "UNIQUE constraint failed: t.c (2067)", "database is locked (5) (SQLITE_BUSY)".
var codes = regexp.MustCompile(`( \((\d+|SQLITE_[A-Z]+)\))+$`)

// kinds are the general descriptions that modernc puts before SQLite's own message.
var kinds = []string{
	"SQL logic error: ", "constraint failed: ", "attempt to write a readonly database: ", "unable to open database file: ",
	"database table is locked: ", "database is locked: ", "datatype mismatch: ", "string or blob too big: ",
}

// translated turns a failure of modernc's driver into an Error; any other failure it returns as it is.
func translated(err error) error {
	var failure *modern.Error
	if !errors.As(err, &failure) {
		return err
	}
	message := codes.ReplaceAllString(failure.Error(), "")
	for _, kind := range kinds {
		if own, found := strings.CutPrefix(message, kind); found {
			message = own
			break
		}
	}
	return Error{ErrNo(failure.Code() & 0xff), ErrNoExtended(failure.Code()), message}
}

// innerConnection is what modernc's connections can do.
type innerConnection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type connection struct{ driver.Conn }

func (c *connection) inner() innerConnection { return c.Conn.(innerConnection) }

func (c *connection) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *connection) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.inner().PrepareContext(ctx, query)
	if err != nil {
		return nil, translated(err)
	}
	return &statement{inner}, nil
}

// BeginTx begins a transaction as _txlock says. Ory asks for levels of isolation, and SQLite has only the strictest one.
func (c *connection) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	inner, err := c.inner().BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return nil, translated(err)
	}
	return transaction{inner}, nil
}

func (c *connection) ExecContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Result, error) {
	return outcome(c.inner().ExecContext(ctx, query, values))
}

func (c *connection) QueryContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Rows, error) {
	return wrapped(c.inner().QueryContext(ctx, query, values))
}

// outcome is the result of a statement. Of one without any SQL, such as a comment, modernc has none.
func outcome(result driver.Result, err error) (driver.Result, error) {
	if err == nil && result == nil {
		return driver.RowsAffected(0), nil
	}
	return result, translated(err)
}

func (c *connection) Close() error                           { return translated(c.Conn.Close()) }
func (c *connection) Ping(ctx context.Context) error         { return translated(c.inner().Ping(ctx)) }
func (c *connection) ResetSession(ctx context.Context) error { return c.inner().ResetSession(ctx) }
func (c *connection) IsValid() bool                          { return c.inner().IsValid() }

type transaction struct{ driver.Tx }

func (t transaction) Commit() error   { return translated(t.Tx.Commit()) }
func (t transaction) Rollback() error { return translated(t.Tx.Rollback()) }

type statement struct{ driver.Stmt }

func (s *statement) ExecContext(ctx context.Context, values []driver.NamedValue) (driver.Result, error) {
	return outcome(s.Stmt.(driver.StmtExecContext).ExecContext(ctx, values))
}

func (s *statement) Close() error { return translated(s.Stmt.Close()) }

func (s *statement) QueryContext(ctx context.Context, values []driver.NamedValue) (driver.Rows, error) {
	return wrapped(s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, values))
}

// innerRows is what modernc's rows can do, as far as database/sql asks for it.
type innerRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
}

type rows struct{ innerRows }

func wrapped(inner driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, translated(err)
	}
	return rows{inner.(innerRows)}, nil
}

// Close ends a query, and with it what it changes (RETURNING), which may fail only then.
func (r rows) Close() error { return translated(r.innerRows.Close()) }

// Next reads a row, with the types of mattn's package: an integer in a boolean column is a bool, text in a time's column that isn't one
// is the zero time, a time has no name of a zone, and an empty blob isn't nil.
func (r rows) Next(row []driver.Value) error {
	if err := r.innerRows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return translated(err)
	}
	for index, value := range row {
		switch value := value.(type) {
		case int64:
			if r.ColumnTypeDatabaseTypeName(index) == "BOOLEAN" {
				row[index] = value > 0
			}
		case string:
			if isTime(r.ColumnTypeDatabaseTypeName(index)) {
				row[index] = time.Time{}
			}
		case time.Time:
			row[index] = withoutName(value)
		case []byte:
			if value == nil {
				row[index] = []byte{}
			}
		}
	}
	return nil
}

// withoutName takes a time out of the machine's own zone, where adding days to it would change its offset.
func withoutName(at time.Time) time.Time {
	if _, offset := at.Zone(); offset != 0 {
		return at.In(time.FixedZone("", offset))
	}
	return at.UTC()
}

func isTime(declared string) bool {
	return declared == "TIMESTAMP" || declared == "DATETIME" || declared == "DATE"
}
