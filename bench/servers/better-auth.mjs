// better-auth on PostgreSQL: a look-up for each request, or a signed cookie that is believed for a while.
import { randomBytes } from 'node:crypto';
import { openDatabase } from '../database.mjs';
import { openBrowser } from './browser.mjs';
import { startPeer, versionsOf } from './peer.mjs';
import { damaged } from './stateless.mjs';

function betterAuth(name, title, kind, cookieCache) {
  return {
    name,
    title,
    kind,
    versions: () => versionsOf('better-auth', 'express', 'pg'),
    needs: 'postgres',
    async start(bench) {
      const database = await openDatabase(bench.postgres);
      const { origin, pid, stop } = await startPeer(bench, 'better-auth', {
        SECRET: randomBytes(32).toString('hex'),
        DATABASE_URL: database.url,
        COOKIE_CACHE: String(cookieCache),
      });
      const browser = openBrowser();
      const answer = await browser.send(`${origin}/api/auth/sign-up/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin },
        body: JSON.stringify({
          email: 'person-000000@example.org',
          password: randomBytes(12).toString('hex'),
          name: 'Ada Lovelace',
        }),
      });
      if (!answer.ok) {
        throw new Error(`better-auth signs nobody up: ${answer.status} ${await answer.text()}`);
      }
      const url = `${origin}/me`;
      const cookie = await browser.cookies(url);
      return {
        processes: async () => [pid, ...(await database.processes())],
        stop: async () => {
          await stop();
          await database.drop();
        },
        cases: [
          { id: name, title, url, headers: { cookie }, refused: [{}, { cookie: everyDamaged(cookie) }] },
        ],
      };
    },
  };
}

/** Each cookie of the header damaged. */
function everyDamaged(cookie) {
  return cookie
    .split('; ')
    .map((pair) => {
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      return `${name}=${damaged(value)}`;
    })
    .join('; ');
}

export const betterAuthCached = betterAuth(
  'better-auth-cache',
  'better-auth with its cookie cache',
  'stateless',
  true,
);
export const betterAuthPlain = betterAuth('better-auth', 'better-auth, a look-up each', 'asking', false);
