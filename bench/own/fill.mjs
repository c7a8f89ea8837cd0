// Fills a gateway's database with live sessions, API keys and revocations, and writes the cookies and tokens into files for the load
// generator, one a line. The gateway's own services make them; only rows are inserted many at a time.
import 'reflect-metadata';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { makeApiKey } from '../../dist/api-keys/api-key-format.js';
import { ownFeatures } from '../../dist/app/features.js';
import { loadConfiguration } from '../../dist/platform/config/configuration.js';
import { Clock } from '../../dist/platform/time/clock.service.js';
import { newId } from '../../dist/platform/core/identifier.js';
import { DatabaseConnection } from '../../dist/platform/database/database-connection.js';
import { migrate } from '../../dist/platform/database/migration-runner.js';
import { NoExtraClaims } from '../../dist/session/tokens/claims-enricher.js';
import { CookieCipher } from '../../dist/session/cookie/cookie-cipher.js';
import { cookieTextOf } from '../../dist/session/cookie/decrypted-cookie.js';
import { SessionMinter } from '../../dist/session/session-minter.js';
import { SigningKeyRepository } from '../../dist/session/tokens/signing-key.repository.js';
import { SigningKeyRing } from '../../dist/session/tokens/signing-key-ring.js';
import { TokenService } from '../../dist/session/tokens/token.service.js';
import { RequiredFactors } from '../../dist/directory/users/required-factors.js';
import { UsersService } from '../../dist/directory/users/users.service.js';
import { sessionRow } from './session.row.mjs';

const slice = 500;
/** People have a session or several: tokens of one differ in their session. */
const people = 1000;
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/**
 * @param env the gateway's environment.
 * @param folder where `cookies` and `tokens` go.
 * @param age seconds for which sessions and tokens have been there.
 * @returns who the first session is of, and an API key of theirs.
 */
export async function fill(env, folder, sessions, age = 0) {
  const configuration = loadConfiguration(env, ownFeatures);
  const connection = new DatabaseConnection(configuration.DATABASE_URL);
  try {
    await migrate(connection);
    const clock = new Clock();
    clock.now = () => Date.now() - age * 1000;
    const ring = new SigningKeyRing(new SigningKeyRepository(connection, clock), clock, configuration);
    await ring.onModuleInit();
    ring.onModuleDestroy();
    const minter = new SessionMinter(
      new TokenService(ring, clock, configuration),
      new NoExtraClaims(),
      connection,
      configuration,
    );
    const accounts = await makePeople(
      new UsersService(connection, clock, configuration, new RequiredFactors()),
      configuration,
    );
    await makeSessions(connection, { minter, clock, accounts, configuration, folder, count: sessions });
    const [{ user }] = accounts;
    return { sub: user.id, email: user.email, key: await makeKey(connection, user.id) };
  } finally {
    await connection.close();
  }
}

async function makePeople(users, { OIDC_ISSUER: issuer }) {
  const accounts = [];
  for (let index = 0; index < people; index += 1) {
    accounts.push(
      await users.recordLogin({
        issuer,
        subject: newId(),
        email: `person-${String(index).padStart(6, '0')}@example.org`,
        emailVerified: true,
        name: 'Ada Lovelace',
        picture: null,
      }),
    );
  }
  return accounts;
}

async function makeSessions(connection, { minter, clock, accounts, configuration, folder, count }) {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, SECRETS } = configuration;
  const cipher = new CookieCipher(SECRETS);
  const cookies = createWriteStream(join(folder, 'cookies'));
  const tokens = createWriteStream(join(folder, 'tokens'));
  for (let first = 0; first < count; first += slice) {
    const now = clock.now();
    const rows = Array.from({ length: Math.min(slice, count - first) }, (_value, index) =>
      sessionRow({
        user_id: accounts[(first + index) % people].user.id,
        provider: 'oidc',
        issuer,
        subject: newId(now),
        client_id: clientId,
        user_agent: userAgent,
        remote_address: '2001:db8:1:2:3:4:5:6',
        created_at: now,
      }),
    );
    await connection.query.insertInto('sessions').values(rows).execute();
    for (const [index, row] of rows.entries()) {
      const { token } = await minter.mint(accounts[(first + index) % people], row);
      tokens.write(`${token}\n`);
      if (!cookies.write(`${cipher.encrypt(cookieTextOf(token))}\n`)) {
        await once(cookies, 'drain');
      }
    }
  }
  for (const stream of [cookies, tokens]) {
    stream.end();
    await once(stream, 'finish');
  }
}

async function makeKey(connection, userId) {
  const now = Date.now();
  const id = newId(now);
  const { key, secretHash } = makeApiKey(id);
  await connection.query
    .insertInto('api_keys')
    .values({
      id,
      secret_hash: secretHash,
      name: 'benchmark',
      user_id: userId,
      org_id: null,
      scope: 'api',
      created_by: userId,
      created_at: now,
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  return key;
}

/** Ended sessions of others, whose tokens could still be alive: a gateway has all of them in memory. */
export async function revoke(env, count) {
  const connection = new DatabaseConnection(loadConfiguration(env, ownFeatures).DATABASE_URL);
  // Long enough ago that they are read at the start alone, not with every poll.
  const now = Date.now();
  await connection.query.transaction().execute(async (transaction) => {
    for (let first = 0; first < count; first += slice) {
      const rows = Array.from({ length: Math.min(slice, count - first) }, () => ({
        id: newId(now - 600_000),
        kind: 'session',
        before: null,
        recorded_at: now - 600_000,
        expires_at: now + 7_200_000,
      }));
      await transaction.insertInto('revocations').values(rows).execute();
    }
  });
  await connection.close();
}
