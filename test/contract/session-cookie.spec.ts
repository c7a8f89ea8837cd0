import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';

let hydra: PreparedHydra;
let gateway: Gateway;
let ada: HeldSession;
let eve: HeldSession;

beforeAll(async () => {
  hydra = await startPreparedHydra();
  gateway = await startGateway({ HYDRA_ADMIN_URL: hydra.url });
  // The thousands of requests of these tests would hold up what the gateway does at Hydra after its start.
  await waitUntil(async () => (await gateway.request('/auth/login')).status === 302, 'Hydra to be set up');
  ada = await gateway.session({ name: 'Ada' });
  eve = await gateway.session({ name: 'Eve' });
});

afterAll(async () => {
  await gateway?.stop();
  await hydra?.stop();
});

async function statusOf(cookie: string): Promise<number> {
  return (await gateway.request('/api/v1/me', { headers: { cookie } })).status;
}

/** A status for each session cookie value, asked in batches. */
async function statusesOf(values: readonly string[]): Promise<Set<number>> {
  const seen = new Set<number>();
  for (let start = 0; start < values.length; start += 50) {
    const batch = values.slice(start, start + 50);
    for (const status of await Promise.all(
      batch.map((value) => statusOf(`${gateway.cookieName}=${value}`)),
    )) {
      seen.add(status);
    }
  }
  return seen;
}

type Parts = readonly [kid: Buffer, nonce: Buffer, text: Buffer, tag: Buffer];

function partsOf(cookie: string): Parts {
  const dot = cookie.indexOf('.');
  const bytes = Buffer.from(cookie.slice(dot + 1), 'base64url');
  return [
    Buffer.from(cookie.slice(0, dot)),
    bytes.subarray(0, 24),
    bytes.subarray(24, -16),
    bytes.subarray(-16),
  ];
}

function joined([kid, ...parts]: readonly Buffer[]): string {
  return `${kid?.toString()}.${Buffer.concat(parts).toString('base64url')}`;
}

describe('the session cookie, changed', () => {
  it('works as it was set', async () => {
    expect(await statusOf(ada.cookie)).toBe(200);
  });

  it('every byte flipped, to each of three other characters, is 401 and never 500 [T14]', async () => {
    const values = [...ada.sealed].flatMap((character, index) =>
      [...'A_.z']
        .filter((other) => other !== character)
        .slice(0, 3)
        .map((other) => ada.sealed.slice(0, index) + other + ada.sealed.slice(index + 1)),
    );
    expect([...(await statusesOf(values))]).toEqual([401]);
  });

  it('every other last character of every segment is 401: one session has one encoding', async () => {
    const segments = ada.sealed.split('.');
    const values = segments.flatMap((segment, index) =>
      segment === ''
        ? []
        : [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
            .filter((character) => !segment.endsWith(character))
            .map((character) =>
              segments
                .map((other, position) => (position === index ? segment.slice(0, -1) + character : other))
                .join('.'),
            ),
    );
    expect(values.length).toBeGreaterThan(100);
    expect([...(await statusesOf(values))]).toEqual([401]);
  });

  it('cut off anywhere is 401 [T15]', async () => {
    const values = Array.from({ length: ada.sealed.length }, (_, length) => ada.sealed.slice(0, length));
    expect([...(await statusesOf(values))]).toEqual([401]);
  });

  it('with something behind or before it, or padded, is 401', async () => {
    const values = [
      `${ada.sealed}A`,
      `${ada.sealed}=`,
      `${ada.sealed}==`,
      `${ada.sealed}.`,
      `.${ada.sealed}`,
      `${ada.sealed}%3D`,
      `A${ada.sealed}`,
      'x'.repeat(8000),
      `${ada.sealed}${'A'.repeat(4096)}`,
    ];
    expect([...(await statusesOf(values))]).toEqual([401]);
  });

  it('nonce, text and tag swapped between two people are 401 [T15]', async () => {
    const [mine, hers] = [partsOf(ada.sealed), partsOf(eve.sealed)];
    // The key id is the same for everybody, so it isn't swapped.
    const values = [1, 2, 3].flatMap((index) => [
      joined(mine.with(index, hers[index] ?? Buffer.of())),
      joined(hers.with(index, mine[index] ?? Buffer.of())),
    ]);
    expect([...(await statusesOf(values))]).toEqual([401]);
  });
});

describe('two cookies, or one under another name', () => {
  it('two session cookies in either order are 401: neither is taken, so never the planted one [T17]', async () => {
    expect(await statusOf(`${ada.cookie}; ${eve.cookie}`)).toBe(401);
    expect(await statusOf(`${eve.cookie}; ${ada.cookie}`)).toBe(401);
    expect(await statusOf(`${ada.cookie}; ${gateway.cookieName}=planted`)).toBe(401);
    expect(await statusOf(`${gateway.cookieName}=; ${ada.cookie}`)).toBe(401);
  });

  it.each([
    ['nameless', (pair: string) => `=${pair}`],
    ['nameless with blanks', (pair: string) => ` = ${pair}`],
    ['no-break space', (pair: string) => `\u00A0${pair}`],
    ['next line', (pair: string) => `\u0085${pair}`],
    ['vertical tab', (pair: string) => `\u000B${pair}`],
    ['form feed', (pair: string) => `\u000C${pair}`],
    ['quoted name', (pair: string) => `"${pair.replace('=', '"=')}`],
    ['lower case', (pair: string) => pair.replace('__Host-', '__host-')],
    ['without its prefix', (pair: string) => pair.replace('__Host-', '')],
    ['__Secure- prefix', (pair: string) => pair.replace('__Host-', '__Secure-')],
    ['percent-encoded name', (pair: string) => pair.replace('_', '%5F')],
    ['PHP spelling', (pair: string) => pair.replace('__Host-', '..Host-')],
    ['name with a tail', (pair: string) => pair.replace('=', 'x=')],
    ['comma for semicolon', (pair: string) => `a=b, ${pair}`],
  ])('%s: is nobody [T18]', async (_what, disguise) => {
    expect(await statusOf(disguise(eve.cookie))).toBe(401);
  });

  it.each([
    ['nameless', (pair: string) => `=${pair}`],
    ['no-break space', (pair: string) => `\u00A0${pair}`],
    ['lower case', (pair: string) => pair.replace('__Host-', '__host-')],
    ['without its prefix', (pair: string) => pair.replace('__Host-', '')],
  ])('%s: planted beside the real one, the real one counts [T18]', async (_what, disguise) => {
    for (const cookie of [
      `${disguise(eve.cookie)}; ${ada.cookie}`,
      `${ada.cookie}; ${disguise(eve.cookie)}`,
    ]) {
      const answer = await gateway.request('/api/v1/me', { headers: { cookie } });
      expect(answer.json()).toMatchObject({ name: 'Ada' });
    }
  });
});

describe('other cookies of ours, and other encryptions', () => {
  it('a login cookie is no session, and a session is no login cookie [T11]', async () => {
    const start = await gateway.request('/auth/login');
    expect([start.status, start.text]).toEqual([302, '']);
    const sealed = start.cookies
      .map((cookie) => cookie.split(';', 1)[0] ?? '')
      .find((pair) => pair.includes('-login.'));
    expect(sealed).toMatch(/^__Host-vestibule-login\./);
    expect(await statusOf(`${gateway.cookieName}=${sealed?.slice(sealed.indexOf('=') + 1)}`)).toBe(401);
    // The name under which the state `abc` would be looked for.
    const name = `__Host-vestibule-login.${createHash('sha256').update('abc').digest('base64url').slice(0, 16)}`;
    const answer = await gateway.request('/auth/callback?state=abc&code=x', {
      headers: { cookie: `${name}=${ada.sealed}` },
    });
    expect(answer.status).toBe(403);
  });

  it.each([
    ['p2c of a billion', { alg: 'PBES2-HS256+A128KW', enc: 'XC20P', p2c: 1_000_000_000, p2s: 'AAAA' }],
    ['zip', { alg: 'dir', enc: 'XC20P', zip: 'DEF' }],
    ['another alg', { alg: 'A256KW', enc: 'XC20P' }],
    ['another enc', { alg: 'dir', enc: 'A256GCM' }],
    ['an unknown kid', { alg: 'dir', enc: 'XC20P', kid: 'x' }],
    ['crit', { alg: 'dir', enc: 'XC20P', crit: ['exp'], exp: 1 }],
  ])('a JWE with %s is 401 in under 50 ms [T09]', async (_what, header) => {
    const [kid, ...parts] = partsOf(ada.sealed);
    const rest = parts.map((part) => part.toString('base64url')).join('.');
    const own = Buffer.from(JSON.stringify({ kid: kid.toString(), ...header })).toString('base64url');
    const [forged, withKey] = [`${own}..${rest}`, `${own}.AAAAAAAAAAAAAAAA.${rest}`];
    for (const sealed of [forged, withKey]) {
      let fastest = Number.POSITIVE_INFINITY;
      // A busy machine can make any of them slow; none is fast that costs a billion rounds of PBKDF2.
      for (let round = 0; round < 5; round += 1) {
        const started = performance.now();
        expect(await statusOf(`${gateway.cookieName}=${sealed}`)).toBe(401);
        fastest = Math.min(fastest, performance.now() - started);
      }
      expect(fastest).toBeLessThan(50);
    }
  });
});
