// `node bench/scale.mjs [sqlite] [postgres://…]`: what lists, searches and logins cost with 1,000, 10,000 and 100,000 users, a tenth as
// many organisations, and how the database finds them. Build first (`npm run build`). Prints Markdown.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { CompiledQuery } from 'kysely';
import { Clock } from '../dist/platform/time/clock.service.js';
import { newId } from '../dist/platform/core/identifier.js';
import { DatabaseConnection } from '../dist/platform/database/database-connection.js';
import { migrate } from '../dist/platform/database/migration-runner.js';
import { AuditEventReader } from '../dist/operations/audit-events/audit-event-reader.js';
import { SessionRepository } from '../dist/session/store/session.repository.js';
import { UserDirectory } from '../dist/directory/users/user-directory.js';
import { RequiredFactors } from '../dist/directory/users/required-factors.js';
import { UsersService } from '../dist/directory/users/users.service.js';

const sizes = [1000, 10_000, 100_000];
const rounds = 200;
const slice = 500;

/** Median of a few hundred calls, in milliseconds. */
async function median(act) {
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await act(round);
    times.push(performance.now() - began);
  }
  return times.sort((one, other) => one - other)[Math.floor(rounds / 2)];
}

/** Makes as many users, a tenth as many organisations, a session and an audit event each. */
async function fill(query, size) {
  const now = Date.now();
  const users = [];
  const insert = async (table, rows) => {
    for (let first = 0; first < rows.length; first += slice) {
      await query
        .insertInto(table)
        .values(rows.slice(first, first + slice))
        .execute();
    }
  };
  for (let index = 0; index < size; index += 1) {
    const name = `Person ${randomBytes(4).toString('hex')}`;
    const email = `${randomBytes(5).toString('hex')}@example.org`;
    users.push({
      id: newId(now - size + index),
      email,
      email_key: email,
      email_verified: 1,
      name,
      name_key: name.toLowerCase(),
      picture: null,
      role: index % 10_000 === 0 ? 'admin' : 'user',
      kind: 'person',
      version: 1,
      disabled_at: index % 1000 === 999 ? now : null,
      created_at: now,
      updated_at: now,
      last_login_at: now,
    });
  }
  await insert('users', users);
  await insert(
    'identities',
    users.map(({ id }) => ({
      issuer: 'https://provider.example',
      subject: id,
      user_id: id,
      created_at: now,
      last_login_at: now,
    })),
  );
  const orgs = Array.from({ length: size / 10 }, (_value, index) => ({
    id: newId(now + index),
    slug: `org-${index}`,
    name: `Organisation ${index}`,
    domain: null,
    join_policy: 'invite',
    version: 1,
    created_at: now,
    updated_at: now,
  }));
  await insert('orgs', orgs);
  await insert(
    'memberships',
    users.map(({ id }, index) => ({
      org_id: orgs[index % orgs.length].id,
      user_id: id,
      role: index < orgs.length ? 'owner' : 'member',
      state: 'active',
      created_at: now,
    })),
  );
  await insert(
    'audit_events',
    users.map(({ id }, index) => ({
      id: newId(now - size + index),
      at: now - size + index,
      type: index % 5000 === 0 ? 'user_disabled' : 'login_succeeded',
      user_id: id,
      session_id: null,
      request_id: null,
      remote_address: null,
      reason: null,
      actor_id: id,
      actor_credential: 'cookie',
      target_kind: 'user',
      target_id: id,
      org_id: null,
      outcome: 'success',
    })),
  );
  return { users, orgs };
}

async function measure(connection, size) {
  const { query } = connection;
  await migrate(connection);
  const { users } = await fill(query, size);
  await query.executeQuery(CompiledQuery.raw('analyze'));
  const configuration = { LINK_BY_VERIFIED_EMAIL: true };
  const clock = new Clock();
  const directory = new UserDirectory(connection);
  const people = new UsersService(connection, clock, configuration, new RequiredFactors());
  const sessions = new SessionRepository(connection, clock);
  const events = new AuditEventReader(connection);
  const any = (round) => users[(round * 7919) % users.length];
  const kind = 'person';
  const acts = {
    'first page of users': () => directory.list({ kind }, 51),
    'a page in the middle': () => directory.list({ kind }, 51, { by: 'id', id: users[size / 2].id }),
    'search by e-mail': (round) => directory.list({ kind, search: any(round).email.slice(0, 8) }, 51),
    'search by name': (round) => directory.list({ kind, search: any(round).name.slice(0, 14) }, 51),
    'search for nobody': () => directory.list({ kind, search: 'zzzz' }, 51),
    administrators: () => directory.list({ kind, role: 'admin' }, 51),
    'disabled users': () => directory.list({ kind, state: 'disabled' }, 51),
    'organisations of a user': (round) => directory.orgsOf(any(round).id, 51),
    'newest audit events': () => events.list({}, 51),
    'audit events of a user': (round) => events.list({ target: any(round).id }, 51),
    'rare audit events': () => events.list({ type: 'user_disabled' }, 51),
    'sessions of a user': (round) => sessions.listOf(any(round).id),
    'login of somebody known': (round) => people.recordLogin({ ...identityOf(any(round)) }),
    'first login of somebody': () =>
      people.recordLogin({
        issuer: 'https://provider.example',
        subject: newId(),
        email: `${newId()}@example.org`,
        emailVerified: true,
        name: 'New',
        picture: null,
      }),
  };
  const found = {};
  for (const [name, act] of Object.entries(acts)) {
    found[name] = await median(act);
  }
  return found;
}

function identityOf(user) {
  return {
    issuer: 'https://provider.example',
    subject: user.id,
    email: user.email,
    emailVerified: true,
    name: user.name,
    picture: null,
  };
}

async function run(name, open) {
  const columns = [];
  for (const size of sizes) {
    const { connection, close } = await open();
    try {
      columns.push(await measure(connection, size));
    } finally {
      await close();
    }
  }
  process.stdout.write(`\n### ${name}: median of ${rounds} calls, in milliseconds\n\n`);
  process.stdout.write(
    `| | ${sizes.map((size) => `${size.toLocaleString('en')} users`).join(' | ')} | ratio |\n`,
  );
  process.stdout.write(`| --- | ${sizes.map(() => '---:').join(' | ')} | ---: |\n`);
  for (const act of Object.keys(columns[0])) {
    const cells = columns.map((column) => column[act]);
    const ratio = cells.at(-1) / cells[0];
    process.stdout.write(
      `| ${act} | ${cells.map((cell) => cell.toFixed(2)).join(' | ')} | ${ratio.toFixed(1)} |\n`,
    );
  }
}

async function openSqlite() {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));
  const connection = new DatabaseConnection(`file:${join(folder, 'bench.db')}`);
  return {
    connection,
    close: async () => {
      await connection.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openPostgres(server) {
  const database = `vestibule_bench_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create database ${database}`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  const connection = new DatabaseConnection(url.href);
  return {
    connection,
    close: async () => {
      await connection.close();
      await admin.query(`drop database ${database} with (force)`);
      await admin.end();
    },
  };
}

for (const target of process.argv.slice(2)) {
  await (target === 'sqlite' ? run('SQLite', openSqlite) : run('PostgreSQL', () => openPostgres(target)));
}
