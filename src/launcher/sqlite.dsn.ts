/**
 * DSN of a SQLite file for Ory's programs. SQLite itself decodes the `file:` form, so it can hold any path.
 *
 * With its default options, Kratos 1.3.1 fails 50 parallel registrations with "database is locked" after 10 seconds and more:
 * - A transaction that begins by reading can't wait for its turn to write, hence `immediate`.
 * - Its database layer (pop) holds a second lock besides SQLite's. Two requests can wait for each other, hence `lock=false`.
 *
 * With these options, 50 parallel registrations take 2.8 s and 50 logins 0.8 s on 2 cores, and none fails.
 */
export function sqliteDsn(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const options =
    '_fk=true&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate&_busy_timeout=10000&lock=false';
  return `sqlite://file:${encoded}?${options}`;
}
