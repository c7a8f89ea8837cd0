package sqlite3

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The options that the launcher gives Ory's programs.
const options = "?_fk=true&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate&_busy_timeout=10000&lock=false"

const schema = `
CREATE TABLE parent (id TEXT PRIMARY KEY, name VARCHAR(255) UNIQUE, active BOOLEAN, made TIMESTAMP, due DATETIME, born DATE, data BLOB, n INTEGER);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id TEXT NOT NULL REFERENCES parent (id) ON DELETE CASCADE);`

func open(t *testing.T, path, options string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func fresh(t *testing.T) *sql.DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "db.sqlite"), options)
	mustExec(t, db, schema)
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string, values ...any) {
	t.Helper()
	if _, err := db.Exec(query, values...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestErrors(t *testing.T) {
	db := fresh(t)
	mustExec(t, db, "INSERT INTO parent (id, name) VALUES ('a', 'Ada')")
	for _, c := range []struct {
		query, message string
		code           ErrNo
		extended       ErrNoExtended
	}{
		{"INSERT INTO parent (id, name) VALUES ('b', 'Ada')", "UNIQUE constraint failed: parent.name", 19, ErrConstraintUnique},
		{"INSERT INTO parent (id, name) VALUES ('a', 'Bob')", "UNIQUE constraint failed: parent.id", 19, ErrConstraintPrimaryKey},
		{"INSERT INTO child (parent_id) VALUES ('nobody')", "FOREIGN KEY constraint failed", 19, 787},
		{"INSERT INTO child (parent_id) VALUES (NULL)", "NOT NULL constraint failed: child.parent_id", 19, 1299},
		{"SELECT * FROM nowhere", "no such table: nowhere", ErrError, 1},
		{"SELEC", `near "SELEC": syntax error`, ErrError, 1},
		{"INSERT INTO child (id, parent_id) VALUES ('x', 'a')", "datatype mismatch", 20, 20},
	} {
		for way, run := range map[string]func() error{
			"exec": func() error { _, err := db.Exec(c.query); return err },
			"query": func() error {
				found, err := db.Query(c.query)
				if err != nil {
					return err
				}
				defer found.Close()
				for found.Next() {
				}
				return found.Err()
			},
			"prepared": func() error {
				prepared, err := db.Prepare(c.query)
				if err != nil {
					return err
				}
				defer prepared.Close()
				_, err = prepared.Exec()
				return err
			},
		} {
			var failure Error
			if err := run(); !errors.As(err, &failure) {
				t.Errorf("%s by %s: %v", c.query, way, err)
			} else if failure.Error() != c.message || failure.Code != c.code || failure.ExtendedCode != c.extended {
				t.Errorf("%s by %s: %d %d %q", c.query, way, failure.Code, failure.ExtendedCode, failure.Error())
			}
		}
	}
}

// What RETURNING changes may fail when the query is closed.
func TestErrorsOfClosing(t *testing.T) {
	db := fresh(t)
	mustExec(t, db, "CREATE TABLE strict (parent_id TEXT NOT NULL REFERENCES parent (id))")
	mustExec(t, db, "INSERT INTO parent (id) VALUES ('a')")
	mustExec(t, db, "INSERT INTO strict VALUES ('a')")
	var id string
	var failure Error
	if err := db.QueryRow("DELETE FROM parent RETURNING id").Scan(&id); !errors.As(err, &failure) || failure.ExtendedCode != 787 {
		t.Errorf("%v", err)
	}
	if err := db.QueryRow("UPDATE parent SET n = 7 RETURNING id").Scan(&id); err != nil || id != "a" {
		t.Errorf("%s %v", id, err)
	}
}

func TestStatementsWithoutSQL(t *testing.T) {
	for _, query := range []string{"", "-- a comment", ";"} {
		result, err := fresh(t).Exec(query)
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		if rows, err := result.RowsAffected(); err != nil || rows != 0 {
			t.Errorf("%q: %d %v", query, rows, err)
		}
	}
}

func TestErrorsOfOpening(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.sqlite")
	if err := os.WriteFile(text, []byte("this is a text, and long enough to be taken for a database's first page"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]ErrNo{filepath.Join(folder, "absent", "db.sqlite"): 14, text: 26} {
		var failure Error
		if err := open(t, path, options).Ping(); !errors.As(err, &failure) || failure.Code != code {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOptions(t *testing.T) {
	db := fresh(t)
	for pragma, want := range map[string]string{
		"foreign_keys": "1", "journal_mode": "wal", "synchronous": "1", "busy_timeout": "10000",
	} {
		var found string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&found); err != nil || found != want {
			t.Errorf("%s: %s %v", pragma, found, err)
		}
	}
	plain := open(t, filepath.Join(t.TempDir(), "db.sqlite"), "")
	var wait int
	if err := plain.QueryRow("PRAGMA busy_timeout").Scan(&wait); err != nil || wait != 5000 {
		t.Errorf("without options: %d %v", wait, err)
	}
}

func TestTimes(t *testing.T) {
	// Its offset is that of UTC in winter: a time that is read must not take the zone's name.
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	own := time.Local
	time.Local = zone
	defer func() { time.Local = own }()
	db := fresh(t)
	east := time.FixedZone("", 2*3600)
	for _, c := range []struct {
		given time.Time
		text  string
	}{
		{time.Date(2026, 11, 28, 9, 8, 7, 123456789, time.UTC), "2026-11-28 09:08:07.123456789+00:00"},
		{time.Date(2026, 11, 28, 9, 8, 7, 0, time.UTC), "2026-11-28 09:08:07+00:00"},
		{time.Date(2026, 11, 28, 9, 8, 7, 500000000, east), "2026-11-28 09:08:07.5+02:00"},
		{time.Time{}, "0001-01-01 00:00:00+00:00"},
	} {
		mustExec(t, db, "DELETE FROM parent")
		mustExec(t, db, "INSERT INTO parent (id, made) VALUES ('a', ?)", c.given)
		var text string
		var read time.Time
		if err := db.QueryRow("SELECT CAST(made AS TEXT), made FROM parent").Scan(&text, &read); err != nil {
			t.Fatal(err)
		}
		if text != c.text || !read.Equal(c.given) || read.Location() == zone {
			t.Errorf("%s: %q, %s", c.given, text, read)
		}
		var found int
		if err := db.QueryRow("SELECT count(*) FROM parent WHERE made = ?", c.given).Scan(&found); err != nil || found != 1 {
			t.Errorf("%s is not found: %v", c.given, err)
		}
	}
}

func TestTimesOfOthers(t *testing.T) {
	db := fresh(t)
	for _, c := range []struct {
		stored any
		want   time.Time
	}{
		{"2026-11-28 09:08:07", time.Date(2026, 11, 28, 9, 8, 7, 0, time.UTC)}, // CURRENT_TIMESTAMP
		{"2026-11-28T09:08:07Z", time.Date(2026, 11, 28, 9, 8, 7, 0, time.UTC)},
		{"2026-11-28T09:08:07.25+01:00", time.Date(2026, 11, 28, 8, 8, 7, 250000000, time.UTC)},
		{"2026-11-28", time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)},
		{int64(1795856887), time.Unix(1795856887, 0)},
		{int64(1795856887123), time.UnixMilli(1795856887123)},
		{"no time", time.Time{}},
	} {
		mustExec(t, db, "DELETE FROM parent")
		mustExec(t, db, "INSERT INTO parent (id, made, due, born) VALUES ('a', ?, ?, ?)", c.stored, c.stored, c.stored)
		var made, due, born time.Time
		if err := db.QueryRow("SELECT made, due, born FROM parent").Scan(&made, &due, &born); err != nil {
			t.Fatal(err)
		}
		if !made.Equal(c.want) || !due.Equal(c.want) || !born.Equal(c.want) {
			t.Errorf("%v: %s, %s, %s", c.stored, made, due, born)
		}
	}
	var defaulted time.Time
	mustExec(t, db, "CREATE TABLE stamped (id INTEGER, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)")
	mustExec(t, db, "INSERT INTO stamped (id) VALUES (1)")
	if err := db.QueryRow("SELECT at FROM stamped").Scan(&defaulted); err != nil || time.Since(defaulted) > time.Hour {
		t.Errorf("CURRENT_TIMESTAMP: %s %v", defaulted, err)
	}
}

func TestValues(t *testing.T) {
	db := fresh(t)
	mustExec(t, db, "INSERT INTO parent (id, active, data, n) VALUES ('a', ?, ?, ?), ('b', ?, ?, NULL)", true, []byte{0, 255}, int64(-1)<<63, false, []byte{})
	found, err := db.Query("SELECT active, data, n FROM parent ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var all []string
	for found.Next() {
		// As pop reads a column whose Go type it doesn't know.
		var active, data, n any
		if err := found.Scan(&active, &data, &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%v %#v %v", active, data, n))
	}
	if want := "[true []byte{0x0, 0xff} -9223372036854775808 false []byte{} <nil>]"; fmt.Sprint(all) != want {
		t.Errorf("%v", all)
	}
}

func TestTransactions(t *testing.T) {
	db := fresh(t)
	for level := sql.LevelDefault; level <= sql.LevelLinearizable; level++ {
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
		if err != nil {
			t.Fatalf("%s: %v", level, err)
		}
		if _, err := tx.Exec("INSERT INTO parent (id) VALUES (?)", level.String()); err != nil {
			t.Fatal(err)
		}
		if level%2 == 0 {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var kept int
	if err := db.QueryRow("SELECT count(*) FROM parent").Scan(&kept); err != nil || kept != 4 {
		t.Errorf("%d rows, %v", kept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("DELETE FROM parent"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := tx.Commit(); !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("commit after its request has ended: %v", err)
	}
	if err := db.QueryRow("SELECT count(*) FROM parent").Scan(&kept); err != nil || kept != 4 {
		t.Errorf("after it: %d rows, %v", kept, err)
	}
}

// A transaction takes its turn to write when it begins, so that one that reads first doesn't fail when it writes.
func TestTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	patient := open(t, path, options)
	hasty := open(t, path, "?_txlock=immediate&_busy_timeout=1")
	mustExec(t, patient, schema)
	tx, err := patient.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var failure Error
	if _, err := hasty.Begin(); !errors.As(err, &failure) || failure.Code != 5 || failure.Error() != "database is locked" {
		t.Errorf("a second one begins: %v", err)
	}
	var rows int
	if err := hasty.QueryRow("SELECT count(*) FROM parent").Scan(&rows); err != nil {
		t.Errorf("reading beside it: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// Every count is kept, from one process's pool and from two.
func TestConcurrency(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	pools := []*sql.DB{open(t, path, options), open(t, path, options)}
	mustExec(t, pools[0], schema)
	mustExec(t, pools[0], "INSERT INTO parent (id, n) VALUES ('a', 0)")
	var group sync.WaitGroup
	failures := make(chan error, 100)
	for index := range 100 {
		group.Go(func() {
			failures <- increment(t.Context(), pools[index%2])
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	var n int
	if err := pools[0].QueryRow("SELECT n FROM parent").Scan(&n); err != nil || n != 100 {
		t.Errorf("counted %d, %v", n, err)
	}
}

func increment(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT n FROM parent").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE parent SET n = ?", n+1); err != nil {
		return err
	}
	return tx.Commit()
}

func TestCancelledQuery(t *testing.T) {
	db := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	var n int
	err := db.QueryRowContext(ctx, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c").Scan(&n)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an endless query ends with %v", err)
	}
	if err := db.Ping(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// testdata/c.sqlite was written by mattn/go-sqlite3 1.14.22 with the schema above (testdata/README.md).
func TestDatabaseWrittenByC(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	copyFile(t, filepath.Join("testdata", "c.sqlite"), path)
	db := open(t, path, options)
	var name, id string
	var active bool
	var made, due, born time.Time
	var data []byte
	var n int64
	row := db.QueryRow("SELECT id, name, active, made, due, born, data, n FROM parent WHERE made = ?", time.Date(2026, 11, 28, 9, 8, 7, 123456789, time.UTC))
	if err := row.Scan(&id, &name, &active, &made, &due, &born, &data, &n); err != nil {
		t.Fatal(err)
	}
	want := "a Ada Ödön true 2026-11-28T09:08:07.123456789Z 2026-11-28T07:08:07Z 2026-11-28T00:00:00Z [0 1 255] 9007199254740993"
	form := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	if found := fmt.Sprint(id, " ", name, " ", active, " ", form(made), " ", form(due), " ", form(born), " ", data, " ", n); found != want {
		t.Errorf("%s", found)
	}
	mustExec(t, db, "DELETE FROM parent")
	var children int
	if err := db.QueryRow("SELECT count(*) FROM child").Scan(&children); err != nil || children != 0 {
		t.Errorf("%d children are left, %v", children, err)
	}
	var state string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&state); err != nil || state != "ok" {
		t.Errorf("integrity: %s %v", state, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
}
