// `node bench/units.mjs [sqlite] [postgres://…] [redis://…]`: what one of each costs: a token, a cookie, a login, a renewal, a
// revocation, a row. Build first (`npm run build`). Prints Markdown. Beside sqlite or PostgreSQL, Redis is measured by
// what passes between two connections.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { SessionRenewal } from '../dist/login/session-renewal.js';
import { loadConfiguration } from '../dist/platform/config/configuration.js';
import { Clock } from '../dist/platform/time/clock.service.js';
import { newId } from '../dist/platform/core/identifier.js';
import { CookieCipher } from '../dist/session/cookie/cookie-cipher.js';
import { parseCookieText, cookieTextOf } from '../dist/session/cookie/decrypted-cookie.js';
import { DatabaseConnection } from '../dist/platform/database/database-connection.js';
import { migrate } from '../dist/platform/database/migration-runner.js';
import { MembershipRepository } from '../dist/orgs/membership.repository.js';
import { RedisChannel } from '../dist/platform/pubsub/redis-channel.js';
import { NoReplicaChannel } from '../dist/platform/pubsub/replica-channel.js';
import { NoExtraClaims } from '../dist/session/tokens/claims-enricher.js';
import { RevocationFeed } from '../dist/session/revocation/revocation-feed.js';
import { RevocationList } from '../dist/session/revocation/revocation-list.js';
import { RevocationRepository } from '../dist/session/revocation/revocation.repository.js';
import { RevocationService } from '../dist/session/revocation/revocation.service.js';
import { SessionMinter } from '../dist/session/session-minter.js';
import { SessionRepository } from '../dist/session/store/session.repository.js';
import { SessionService } from '../dist/session/session.service.js';
import { SigningKeyRepository } from '../dist/session/tokens/signing-key.repository.js';
import { SigningKeyRing } from '../dist/session/tokens/signing-key-ring.js';
import { TokenService } from '../dist/session/tokens/token.service.js';
import { RequiredFactors } from '../dist/directory/users/required-factors.js';
import { UsersService } from '../dist/directory/users/users.service.js';
import { sessionRow } from './own/session.row.mjs';

const rounds = 400;
const warmUp = 50;
const rows = 20_000;
const origin = 'http://localhost:3000';
const nobody = 'http://127.0.0.1:9';
const from = {
  userAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  remoteAddress: '2001:db8:1:2:3:4:5:6',
};

function settings(databaseUrl) {
  return loadConfiguration({
    PUBLIC_URL: origin,
    SECRETS: randomBytes(32).toString('hex'),
    DATABASE_URL: databaseUrl,
    KRATOS_PUBLIC_URL: nobody,
    KRATOS_ADMIN_URL: nobody,
    HYDRA_PUBLIC_URL: nobody,
    HYDRA_ADMIN_URL: nobody,
  });
}

/** Milliseconds of the middle call, after some that don't count. */
async function median(act, count = rounds) {
  const times = [];
  for (let round = -warmUp; round < count; round += 1) {
    const began = performance.now();
    await act();
    if (round >= 0) {
      times.push(performance.now() - began);
    }
  }
  return times.sort((one, other) => one - other)[Math.floor(count / 2)];
}

/** The deployment's services on one connection, wired by hand so that statements can be counted. */
async function wire(connection, configuration) {
  const clock = new Clock();
  const ring = new SigningKeyRing(new SigningKeyRepository(connection, clock), clock, configuration);
  await ring.onModuleInit();
  ring.onModuleDestroy();
  const tokens = new TokenService(ring, clock, configuration);
  const sessionRows = new SessionRepository(connection, clock);
  const revocationRows = new RevocationRepository(connection, clock);
  const feed = new RevocationFeed(
    new RevocationList(clock, configuration),
    revocationRows,
    new NoReplicaChannel(),
    clock,
  );
  const revocations = new RevocationService(sessionRows, revocationRows, feed, clock, configuration);
  const minter = new SessionMinter(tokens, new NoExtraClaims(), connection, configuration);
  const sessions = new SessionService(sessionRows, minter, revocations, clock, configuration);
  const users = new UsersService(connection, clock, configuration, new RequiredFactors());
  const members = new MembershipRepository(connection, clock);
  const login = async (identity) => {
    const account = await users.recordLogin(identity);
    await members.joinByDomain(account.user, identity.email.split('@')[1]);
    return sessions.start(account, evidenceOf(identity), {}, from);
  };
  return { clock, ring, tokens, users, sessions, revocations, login, feed };
}

function newIdentity() {
  const subject = newId();
  return {
    issuer: 'urn:ory:kratos',
    subject,
    email: `person-${subject.slice(-12)}@example.org`,
    emailVerified: true,
    name: 'Ada Lovelace',
    picture: null,
  };
}

function evidenceOf({ issuer, subject }) {
  return {
    provider: 'ory',
    issuer,
    subject,
    clientId: 'vestibule',
    scope: ['openid', 'profile', 'email'],
    amr: ['pwd'],
    acr: 'aal1',
    authTime: Date.now(),
    providerSessionId: newId(),
    oidcSid: newId(),
  };
}

/** What needs no database. */
async function measureMemoryOnly() {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-units-'));
  const configuration = settings(`file:${join(folder, 'units.db')}`);
  const connection = new DatabaseConnection(configuration.DATABASE_URL);
  await migrate(connection);
  const services = await wire(connection, configuration);
  const { token, claims } = await services.login(newIdentity());
  const { iss: _iss, aud: _aud, iat: _iat, nbf: _nbf, exp: _exp, ...subject } = claims;
  const cipher = new CookieCipher(configuration.SECRETS);
  const sealed = cipher.encrypt(cookieTextOf(token));
  const found = [
    ['mint a token (ES256)', await median(() => services.tokens.mint(subject)), 'ms'],
    ['verify a token, key in memory', await median(() => services.tokens.verify(token)), 'ms'],
    ['seal a cookie', await median(() => cipher.encrypt(cookieTextOf(token))), 'ms'],
    ['open a cookie', await median(() => parseCookieText(cipher.decrypt(sealed) ?? '')), 'ms'],
    ['length of a token', token.length, 'bytes'],
    ['length of a cookie', sealed.length, 'bytes'],
    ...(await measureList(services, configuration)),
  ];
  await connection.close();
  rmSync(folder, { recursive: true, force: true });
  return found;
}

/** A million ended sessions in memory. */
async function measureList({ clock }, configuration) {
  const list = new RevocationList(clock, configuration);
  const million = 1_000_000;
  const before = await memory();
  for (let first = 0; first < million; first += 1000) {
    const ended = Array.from({ length: 1000 }, () => ({
      id: newId(),
      kind: 'session',
      before: null,
      recorded_at: 0,
      expires_at: 0,
    }));
    list.apply(ended);
  }
  const megabytes = ((await memory()) - before) / 1e6;
  const claims = { sid: newId(), sub: newId(), jti: newId(), client_id: 'vestibule' };
  const began = performance.now();
  for (let round = 0; round < million; round += 1) {
    list.verdict(claims);
  }
  return [
    ['1,000,000 revoked ids in memory', megabytes, 'MB'],
    ['a verdict among 1,000,000 revoked ids', (performance.now() - began) / million, 'ms'],
  ];
}

/** Bytes in use; what was let go of is given back a little later than it is collected. */
async function memory() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return globalThis.gc === undefined ? arrayBuffers : arrayBuffers + heapUsed;
}

async function measureDatabase(url, sizeOf) {
  const configuration = settings(url);
  const counts = { statements: 0, transactions: 0 };
  const connection = new DatabaseConnection(url, () => {
    counts.statements += 1;
  });
  const { query } = connection;
  const transaction = query.transaction.bind(query);
  query.transaction = () => {
    counts.transactions += 1;
    return transaction();
  };
  await migrate(connection);
  const services = await wire(connection, configuration);
  const found = [];
  const measure = async (name, act) => {
    await act();
    Object.assign(counts, { statements: 0, transactions: 0 });
    await act();
    const counted = `${counts.statements} statements, ${counts.transactions} of begin and commit`;
    const began = process.cpuUsage();
    const time = await median(act);
    const { user, system } = process.cpuUsage(began);
    found.push([name, time, 'ms', counted, (user + system) / 1000 / (rounds + warmUp)]);
  };
  const known = newIdentity();
  await measure('login of somebody known', () => services.login(known));
  await measure('first login of somebody', () => services.login(newIdentity()));
  const { claims } = await services.login(known);
  await measure('renewal', () => renewAnew(services, claims));
  const ends = [];
  for (let index = 0; index < rounds + warmUp + 2; index += 1) {
    ends.push((await services.login(known)).claims.sid);
  }
  await measure('end of a session', () => services.revocations.endSessions({ id: ends.pop() }, 'logout'));
  await measure('poll of revocations', () => services.feed.refresh());
  await measure('verification with a key that has to be read', async () => {
    await services.ring.load();
    await services.tokens.verify((await services.tokens.mint(subjectOf(claims))).token);
  });
  for (const [name, table, add] of bulks()) {
    const before = await sizeOf(connection, table);
    await add(query);
    found.push([name, ((await sizeOf(connection, table)) - before) / rows, 'bytes with indexes', '', 0]);
  }
  await connection.close();
  return found;
}

function subjectOf({ iss: _iss, aud: _aud, iat: _iat, nbf: _nbf, exp: _exp, ...subject }) {
  return subject;
}

/**
 * What came of a renewal is shared for five seconds: each measured one is another process's first. Asking Kratos is not the
 * gateway's own cost: here it says at once that the session lives.
 */
async function renewAnew(services, claims) {
  const { sessions, users, clock } = services;
  const provider = { confirm: async () => ({ isConfirmed: true, hasChanged: false }) };
  await new SessionRenewal(provider, sessions, users, clock).renew(claims, from);
}

/** Tables that grow, and how they are filled. */
function bulks() {
  const now = Date.now();
  const insert = async (query, table, make) => {
    for (let first = 0; first < rows; first += 500) {
      await query
        .insertInto(table)
        .values(Array.from({ length: 500 }, make))
        .execute();
    }
  };
  const userIds = [];
  return [
    [
      'a user with an identity',
      ['users', 'identities'],
      async (query) => {
        const people = Array.from({ length: rows }, newIdentity);
        for (let first = 0; first < rows; first += 500) {
          const slice = people.slice(first, first + 500).map((identity) => ({ id: newId(), identity }));
          userIds.push(...slice.map(({ id }) => id));
          await query
            .insertInto('users')
            .values(
              slice.map(({ id, identity }) => ({
                id,
                email: identity.email,
                email_key: identity.email,
                email_verified: 1,
                name: identity.name,
                name_key: identity.name.toLowerCase(),
                picture: null,
                role: 'user',
                kind: 'person',
                version: 1,
                disabled_at: null,
                created_at: now,
                updated_at: now,
                last_login_at: now,
              })),
            )
            .execute();
          await query
            .insertInto('identities')
            .values(
              slice.map(({ id, identity }) => ({
                issuer: identity.issuer,
                subject: identity.subject,
                user_id: id,
                created_at: now,
                last_login_at: now,
              })),
            )
            .execute();
        }
      },
    ],
    [
      'a session',
      ['sessions'],
      (query) =>
        insert(query, 'sessions', (_value, index) =>
          sessionRow({
            user_id: userIds[index],
            provider: 'ory',
            issuer: 'urn:ory:kratos',
            subject: newId(),
            user_agent: from.userAgent,
            remote_address: from.remoteAddress,
          }),
        ),
    ],
    [
      'an audit event',
      ['audit_events'],
      (query) =>
        insert(query, 'audit_events', (_value, index) => ({
          id: newId(),
          at: now,
          type: 'login_succeeded',
          user_id: userIds[index],
          session_id: newId(),
          request_id: newId(),
          remote_address: from.remoteAddress,
          reason: null,
          actor_id: userIds[index],
          actor_credential: null,
          target_kind: 'user',
          target_id: userIds[index],
          org_id: null,
          outcome: 'success',
        })),
    ],
    [
      'a revocation',
      ['revocations'],
      (query) =>
        insert(query, 'revocations', () => ({
          id: newId(),
          kind: 'session',
          before: null,
          recorded_at: now,
          expires_at: now + 720_000,
        })),
    ],
  ];
}

async function onSqlite() {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-units-'));
  try {
    return await measureDatabase(`file:${join(folder, 'units.db')}`, async ({ query }) => {
      const pages = await sql`pragma page_count`.execute(query);
      const size = await sql`pragma page_size`.execute(query);
      return pages.rows[0].page_count * size.rows[0].page_size;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onPostgres(server) {
  const database = `vestibule_units_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create database ${database}`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  try {
    return await measureDatabase(url.href, async ({ query }, tables) => {
      const sizes = await Promise.all(
        tables.map((table) => sql`select pg_total_relation_size(${table}) as size`.execute(query)),
      );
      return sizes.reduce((sum, { rows: [row] }) => sum + Number(row.size), 0);
    });
  } finally {
    await admin.query(`drop database ${database} with (force)`);
    await admin.end();
  }
}

/** From one process's announcement to another's ear. */
async function onRedis(url) {
  const [speaker, hearer] = [new RedisChannel(url, 'units'), new RedisChannel(url, 'units')];
  let heard = () => undefined;
  const connected = new Promise((resolve) => {
    hearer.subscribe('revocations', { onMessage: () => heard(), onReconnect: resolve });
  });
  const ready = new Promise((resolve) => {
    speaker.subscribe('signing-keys', { onMessage: () => undefined, onReconnect: resolve });
  });
  await Promise.all([connected, ready]);
  const row = { id: newId(), kind: 'session', before: null, recorded_at: Date.now(), expires_at: Date.now() };
  const time = await median(
    () =>
      new Promise((resolve) => {
        heard = resolve;
        speaker.publish('revocations', [row]);
      }),
  );
  await Promise.all([speaker.close(), hearer.close()]);
  return time;
}

const number = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 1 ? value.toFixed(2) : value.toFixed(4);
const line = (cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

line(['what', 'median', '']);
line(['---', '---:', '---']);
for (const [name, value, unit] of await measureMemoryOnly()) {
  line([name, number(value), unit]);
}
for (const target of process.argv.slice(2)) {
  if (target.startsWith('redis')) {
    line(['a revocation from one replica to another by Redis', number(await onRedis(target)), 'ms']);
    continue;
  }
  const found = target === 'sqlite' ? await onSqlite() : await onPostgres(target);
  process.stdout.write(`\n${target === 'sqlite' ? 'SQLite' : 'PostgreSQL'}\n\n`);
  line(['what', 'median', '', 'the gateway’s processor time, ms', 'counted']);
  line(['---', '---:', '---', '---:', '---']);
  for (const [name, value, unit, counted, cpu] of found) {
    line([name, number(value), unit, cpu === 0 ? '' : number(cpu), counted]);
  }
}
