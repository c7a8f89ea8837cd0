import { randomUUID } from 'node:crypto';
import { SignJWT, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Claims } from './claims.js';
import { Revocations } from './revocations.js';

const issuer = 'https://auth.example.test';
const now = Date.now();
const [user, org, ended] = [randomUUID(), randomUUID(), randomUUID()];
/** An id of this time (RFC 9562 section 5.7). */
const idOf = (moment: number): string => {
  const time = moment.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
};
const [old, early, late] = [idOf(1), idOf(now - 1), idOf(now)];

let revocations: Revocations;

/** One connection, over which a snapshot and a sign of life come. */
async function listenTo(members: object): Promise<Revocations> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const told = { stream: 'a', told: 0, keep: 720, ended: '', changed: [], everything_before: 0 };
  const messages = [{ ...told, ...members, snapshot: { id: 'x', part: 1, parts: 1 } }, told].map(
    async (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'revocations+jwt' })
        .setIssuer(issuer)
        .setIssuedAt()
        .sign(privateKey),
  );
  const events = (await Promise.all(messages)).map((message) => `event: revocations\ndata: ${message}\n\n`);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(events.join(''))),
  });
  const made = new Revocations({
    key: 'vst_x',
    onChange: () => undefined,
    issuer,
    uri: `${issuer}/auth/revocations/stream`,
    clockTolerance: 30,
    fetch: async () => new Response(body),
    findKey: async () => publicKey,
  });
  await made.ready();
  expect(made.isHeard).toBe(true);
  return made;
}

beforeAll(async () => {
  revocations = await listenTo({
    ended: Buffer.from(ended.replaceAll('-', ''), 'hex').toString('base64url'),
    changed: [
      [user, now],
      [org, now],
    ],
    everything_before: now - 3_600_000,
  });
});

afterAll(() => revocations?.close());

const actor = { sub: randomUUID(), sid: randomUUID(), jti: early };

// The packages in other languages have the same cases.
it.each<[string, Partial<Claims>, string | undefined]>([
  ['a token of before all changes', {}, undefined],
  ['its session has ended', { sid: ended }, 'session_ended'],
  ['the user was changed', { sub: user }, 'token_outdated'],
  ['the organisation was changed', { org: { id: org, slug: 'a', role: 'owner' } }, 'token_outdated'],
  ['a token of after the change', { sub: user, jti: late }, undefined],
  ['a session of long ago', { sid: old }, 'session_ended'],
  ['a key of long ago', { sid: old, client_id: 'api-key' }, undefined],
  ['a service of long ago', { sid: old, sub: old }, undefined],
  ['a token of a key of long ago', { jti: old, client_id: 'api-key' }, 'session_ended'],
  ['an actor', { act: actor }, undefined],
  ['a client that acts', { act: { sub: 'a-client' } }, undefined],
  ["an actor's key was revoked", { act: { ...actor, sid: ended } }, 'session_ended'],
  ['an actor of long ago', { act: { ...actor, jti: old } }, 'session_ended'],
  ['an actor was changed', { jti: late, act: { ...actor, sub: user } }, 'token_outdated'],
  ['an actor of after the change', { act: { ...actor, sub: user, jti: late } }, undefined],
  ['an actor as old as the token', { act: { sub: user } }, 'token_outdated'],
  ['an actor as new as the token', { jti: late, act: { sub: user } }, undefined],
  ["a second actor's key", { act: { ...actor, act: { ...actor, sid: ended } } }, 'session_ended'],
  [
    'a third actor was changed',
    { act: { ...actor, act: { ...actor, act: { ...actor, sub: user } } } },
    'token_outdated',
  ],
])('%s: it is refused or accepted', (_, claims, reason) => {
  const usual: Claims = {
    iss: issuer,
    aud: issuer,
    sub: randomUUID(),
    sid: early,
    jti: early,
    iat: now,
    nbf: now,
    exp: now,
    auth_time: now,
    amr: ['pwd'],
    idp: 'ory',
    client_id: 'vestibule',
    scope: 'api',
    email_verified: true,
  };
  expect(revocations.reasonAgainst({ ...usual, ...claims })).toBe(reason);
});
