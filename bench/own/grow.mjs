// Grows a gateway's PostgreSQL by whole tables at a time, and wires the services whose calls are timed on it.
import 'reflect-metadata';
import { sql } from 'kysely';
import pg from 'pg';
import { ApiKeyRepository } from '../../dist/api-keys/api-key.repository.js';
import { OrgKeyAccounts } from '../../dist/orgs/org-key-accounts.js';
import { AuditEventReader } from '../../dist/operations/audit-events/audit-event-reader.js';
import { ownFeatures } from '../../dist/app/features.js';
import { loadConfiguration } from '../../dist/platform/config/configuration.js';
import { Clock } from '../../dist/platform/time/clock.service.js';
import { newId } from '../../dist/platform/core/identifier.js';
import { DatabaseConnection } from '../../dist/platform/database/database-connection.js';
import { OrgDirectory } from '../../dist/features/organisations/org-directory.js';
import { OrgRepository } from '../../dist/orgs/org.repository.js';
import { RevocationRepository } from '../../dist/session/revocation/revocation.repository.js';
import { SessionRepository } from '../../dist/session/store/session.repository.js';
import { readAccount } from '../../dist/directory/users/account.query.js';
import { UserDirectory } from '../../dist/directory/users/user-directory.js';
import { RequiredFactors } from '../../dist/directory/users/required-factors.js';
import { UsersService } from '../../dist/directory/users/users.service.js';
import { sessionRow } from './session.row.mjs';

const issuer = 'https://provider.example';
/** Rows are a millisecond apart, all of them in the past: 2025-01-01. */
const epoch = 1_735_689_600_000;
const membersOfOrg = 10;

/** Ids as `newId()` makes them, but the same each time. */
const idFunction = sql`
  create or replace function bench_id(kind text, number bigint) returns text language sql immutable as $$
    select substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7' || substr(m, 1, 3) || '-8' || substr(m, 4, 3) || '-' || substr(m, 7, 12)
    from (select lpad(to_hex(${sql.lit(epoch)} + number), 12, '0') as h, md5(kind || number) as m) as parts
  $$`;

/** Rows from one number on to another, exclusive; an organisation has ten members. */
function inserts(first, last) {
  const rows = sql`generate_series(${sql.lit(first)}::bigint, ${sql.lit(last - 1)}::bigint) as i`;
  const orgRows = sql`generate_series(${sql.lit(first / membersOfOrg)}::bigint, ${sql.lit(last / membersOfOrg - 1)}::bigint) as i`;
  const at = sql`${sql.lit(epoch)} + i`;
  const now = sql.lit(Date.now());
  const user = sql`bench_id('user', i)`;
  const org = sql`bench_id('org', i / ${sql.lit(membersOfOrg)})`;
  const email = sql`substr(md5('mail' || i), 1, 12) || '@example.org'`;
  const name = sql`substr(md5('name' || i), 1, 8)`;
  return [
    sql`insert into users (id, email, email_key, email_verified, name, name_key, role, kind, version, created_at, updated_at, last_login_at)
      select ${user}, ${email}, ${email}, 1, 'Person ' || ${name}, 'person ' || ${name}, 'user', 'person', 1, ${at}, ${at}, ${at} from ${rows}`,
    sql`insert into identities (issuer, subject, user_id, created_at, last_login_at)
      select ${sql.lit(issuer)}, ${user}, ${user}, ${at}, ${at} from ${rows}`,
    sql`insert into orgs (id, slug, name, name_key, join_policy, version, created_at, updated_at)
      select bench_id('org', i), 'org-' || i, 'Organisation ' || i, 'organisation ' || i, 'invite', 1, ${at}, ${at} from ${orgRows}`,
    sql`insert into memberships (org_id, user_id, role, state, created_at)
      select ${org}, ${user}, case when i % ${sql.lit(membersOfOrg)} = 0 then 'owner' else 'member' end, 'active', ${at} from ${rows}`,
    sql`insert into sessions (id, user_id, provider, provider_session_id, oidc_sid, issuer, subject, client_id, scope, amr, acr, claims,
        auth_time, created_at, renewed_at, last_seen_at)
      select bench_id('session', i), ${user}, 'oidc', bench_id('at-provider', i), bench_id('sid', i), ${sql.lit(issuer)}, ${user},
        'vestibule', 'openid profile email', 'pwd', 'aal1', '{}', ${now}, ${now}, ${now}, ${now} from ${rows}`,
    sql`insert into api_keys (id, secret_hash, name, user_id, scope, created_by, created_at)
      select bench_id('key', i), md5('a' || i) || md5('b' || i), 'key', ${user}, 'api', ${user}, ${at} from ${rows}`,
    sql`insert into revocations (id, kind, recorded_at, expires_at)
      select bench_id('ended', i), 'session', ${now} - 600000, ${now} + 7200000 from ${rows}`,
    sql`insert into audit_events (id, at, type, user_id, actor_id, actor_credential, target_kind, target_id, outcome)
      select bench_id('event', i), ${at}, 'login_succeeded', ${user}, ${user}, 'cookie', 'user', ${user}, 'success' from ${rows}`,
  ];
}

/** Adds what is missing to as many rows of each kind, on a connection whose statements may take minutes. */
export async function growTo({ query, url }, size) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query('select count(*)::int as count from orgs');
    for (const insert of inserts(rows[0].count * membersOfOrg, size)) {
      await client.query(insert.compile(query).sql);
    }
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

/** The services on the database of `env`, and calls of them for people all over it. */
export async function openServices(env, size) {
  const configuration = loadConfiguration(env, ownFeatures);
  const connection = new DatabaseConnection(configuration.DATABASE_URL);
  const clock = new Clock();
  const { query } = connection;
  const directory = new UserDirectory(connection);
  const factors = new RequiredFactors();
  const users = new UsersService(connection, clock, configuration, factors);
  const sessions = new SessionRepository(connection, clock);
  const keys = new ApiKeyRepository(
    connection,
    clock,
    new OrgKeyAccounts(new OrgRepository(connection, clock, factors)),
  );
  const orgs = new OrgDirectory(connection);
  const events = new AuditEventReader(connection);
  const revocations = new RevocationRepository(connection, clock);
  const idOf = async (kind, call) => {
    const { rows } = await sql`select bench_id(${kind}, ${(call * 7919) % size}) as id`.execute(query);
    return rows[0].id;
  };
  /** Ids are looked up before anything is timed. */
  const ids = async (kind) => Promise.all(Array.from({ length: 120 }, (_value, call) => idOf(kind, call)));
  await idFunction.execute(query);
  const [userIds, sessionIds, keyIds] = await Promise.all([ids('user'), ids('session'), ids('key')]);
  const person = { kind: 'person' };
  const from = { userAgent: 'bench', remoteAddress: '127.0.0.1' };
  const identity = (subject) => ({
    issuer,
    subject,
    email: `${subject}@example.org`,
    emailVerified: true,
    name: 'Ada Lovelace',
    picture: null,
  });
  const acts = {
    'login of somebody known': async (call) => {
      const { user } = await users.recordLogin(identity(userIds[call]));
      await sessions.insert(sessionOf(user.id));
    },
    'first login of somebody': async () => {
      const { user } = await users.recordLogin(identity(newId()));
      await sessions.insert(sessionOf(user.id));
    },
    renewal: async (call) => {
      const row = await sessions.find(sessionIds[call]);
      await readAccount(query, row.user_id, { orgId: row.org_id, readAt: clock.now(), factors });
      await sessions.markUsed(row.id, from, true);
    },
    'first use of an API key in a minute': async (call) => {
      const row = await keys.find(keyIds[call]);
      await readAccount(query, row.user_id, { orgId: row.org_id, readAt: clock.now(), factors });
    },
    'poll of revocations': () => revocations.recordedSince(Date.now() - 122_000),
    'first page of users': () => directory.list(person, 51),
    'users by e-mail': (call) => directory.list({ ...person, search: userIds[call].slice(0, 8) }, 51),
    'sessions of a user': (call) => sessions.listOf(userIds[call]),
    'keys of a user': (call) => keys.list({ userId: userIds[call] }, 51, undefined),
    'organisations of a user': (call) => directory.orgsOf(userIds[call], 51),
    'first page of organisations': () => orgs.list(userIds[0], undefined, 51),
    'an organisation by its name': (call) => orgs.list(userIds[0], `org-${(call * 79) % (size / 10)}`, 51),
    'newest audit events': () => events.list({}, 51),
    'audit events of a user': (call) => events.list({ target: userIds[call] }, 51),
  };
  return { query, url: configuration.DATABASE_URL, acts, close: () => connection.close() };
}

function sessionOf(userId) {
  return sessionRow({ user_id: userId, provider: 'oidc', issuer, subject: userId });
}
