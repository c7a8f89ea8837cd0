// Vestibule itself, in an adopter's process (own/app.mjs), with sessions that are there before anything is measured.
import { copyFileSync, mkdtempSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../ask.mjs';
import { freePort, nodeSettings, startChild } from '../child.mjs';
import { firstLineOf } from '../measure.mjs';
import { fill, revoke } from '../own/fill.mjs';
import { damaged } from './stateless.mjs';

/** An adopter's, with the routes that are measured. */
const adopters = fileURLToPath(new URL('../own/app.mjs', import.meta.url));
/** What the image runs. */
export const shipped = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Where browsers would find it; processes listen on ports of their own and are asked by this name. */
const publicUrl = 'http://127.0.0.1:3000';
/** wrk looks for this spelling, and would add a second one beside any other. */
const host = { Host: new URL(publicUrl).host };
/** Sessions for hot cases and warm-ups stand before and after those that come once. */
const apart = 5000;

/**
 * Makes the database with as many sessions.
 * @param own settings on top, for example DATABASE_URL.
 * @param age seconds for which the sessions have been there.
 */
export async function prepareOwn(bench, sessions, own = {}, age = 0) {
  const folder = mkdtempSync(join(bench.folder, 'own-'));
  const client = bench.openid.register(`${publicUrl}/auth/callback`);
  const env = {
    PUBLIC_URL: publicUrl,
    SECRETS: randomBytes(32).toString('hex'),
    DATABASE_URL: `file:${join(folder, 'own.db')}`,
    AUTH_PROVIDER: 'oidc',
    OIDC_ISSUER: bench.openid.issuer,
    OIDC_CLIENT_ID: client.client_id,
    OIDC_CLIENT_SECRET: client.client_secret,
    METRICS: 'on',
    // No session comes to a renewal while it is measured.
    TOKEN_TTL: '1h',
    ...own,
  };
  const { sub, email, key } = await fill(env, folder, sessions, age);
  return { folder, env, sub, email, key, sessions };
}

/** The same database with ended sessions in it. @returns its environment. */
export async function prepareRevoked({ folder, env }, count) {
  const copy = join(folder, 'revoked.db');
  copyFileSync(join(folder, 'own.db'), copy);
  const revoked = { ...env, DATABASE_URL: `file:${copy}` };
  await revoke(revoked, count);
  return revoked;
}

/** @param env on top of the data's own, for example LOG_LEVEL. @param program adopter's, or what is `shipped`. */
export async function startOwn(bench, data, env = {}, program = adopters) {
  const port = env.PORT ?? (await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const { pid, stop } = await startChild({
    command: bench.node,
    args: [program],
    env: { ...nodeSettings, ...data.env, HOST: '127.0.0.1', PORT: String(port), ...env },
    log: join(bench.folder, `own-${port}.log`),
    probe: `${origin}/health/live`,
  });
  return { origin, processes: () => [pid], stop, cases: casesOf(origin, data) };
}

/** Waits until the gateway has everything that it needs: it answers 200 before that, too. */
export async function ready(origin, host) {
  while (JSON.parse((await ask(`${origin}/health/ready`, host)).text).status !== 'ok') {
    await pause(20);
  }
}

/** What a browser with a session sends, whatever it asks for. */
export function browserHeaders({ folder }) {
  return { ...host, cookie: `vestibule=${firstLineOf(join(folder, 'cookies'))}` };
}

/** What is asked of it, by name. Guarded ones have the request bytes of their `base` but for the path. */
function casesOf(origin, data) {
  const { folder, sessions, key, sub, email } = data;
  const credentials = {
    cookie: { cookie: browserHeaders(data).cookie },
    bearer: { authorization: `Bearer ${firstLineOf(join(folder, 'tokens'))}` },
    key: { 'x-api-key': key },
  };
  const owner = `${origin}/bench/owner`;
  const guest = `${origin}/bench/guest`;
  const cookies = { header: 'Cookie', prefix: 'vestibule=', file: join(folder, 'cookies') };
  const once = { ...cookies, from: apart, count: sessions - 2 * apart };
  const user = { sub, email };
  const found = {};
  for (const [name, credential] of Object.entries(credentials)) {
    const headers = { ...host, ...credential };
    const [field, value] = Object.entries(credential)[0];
    const refused = [host, { ...host, [field]: damaged(value) }];
    found[`open-${name}`] = { url: guest, headers };
    found[name] = { url: owner, headers, user, refused };
  }
  const { headers, refused } = found.cookie;
  found['open-cold'] = { url: guest, headers: host, ...once };
  found.cold = {
    url: owner,
    headers: host,
    ...once,
    once: true,
    warm: { ...cookies, from: sessions - apart, count: apart },
  };
  found.verify = {
    url: `${origin}/auth/verify`,
    headers,
    user,
    refused,
    read: (headers) => ({
      sub: headers['x-auth-user'],
      email: headers['x-auth-email'],
    }),
  };
  for (const count of [1, 1000, 100_000]) {
    if (count <= sessions) {
      found[`sessions-${count}`] = { url: owner, headers: host, ...cookies, from: 0, count };
    }
  }
  return found;
}

/** Each guarded case and the unguarded one that it is compared with. */
export const pairs = [
  { id: 'cookie', base: 'open-cookie', title: 'hot cookie', goal: 0.9 },
  { id: 'bearer', base: 'open-bearer', title: 'hot bearer token', goal: 0.9 },
  { id: 'key', base: 'open-key', title: 'API key', goal: 0.85 },
  { id: 'cold', base: 'open-cold', title: 'cold cookie, each request another session', goal: 0.55 },
  { id: 'verify', base: 'open-cookie', title: 'forward auth', goal: 0.8 },
];
