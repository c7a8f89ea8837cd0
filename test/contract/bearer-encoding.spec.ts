import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SigningKeyRing } from '../../src/session/tokens/signing-key-ring.js';
import { misspelledTokens } from '../support/token.vectors.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';

let gateway: Gateway;
let session: HeldSession;

beforeAll(async () => {
  gateway = await startGateway();
  session = await gateway.session();
});

afterAll(async () => {
  await gateway?.stop();
});

async function bearer(value: string): Promise<number> {
  return (await gateway.request('/api/v1/me', { headers: { authorization: value } })).status;
}

async function inCookie(token: string): Promise<number> {
  const cookie = `${gateway.cookieName}=${gateway.seal(token)}`;
  return (await gateway.request('/api/v1/me', { headers: { cookie } })).status;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The text with its last character replaced by each other one of the alphabet. */
function otherLastCharacters(text: string): string[] {
  return [...alphabet]
    .filter((character) => !text.endsWith(character))
    .map((character) => text.slice(0, -1) + character);
}

describe('encoding of the augmented token', () => {
  it('padding, line feeds, blanks and other alphabets are refused', async () => {
    const [header = '', payload = '', signature = ''] = session.token.split('.');
    const variants = [
      `${session.token}=`,
      `${session.token}==`,
      `${session.token}\n`,
      `${session.token}\r\n`,
      `\n${session.token}`,
      `${header}.${payload}=.${signature}`,
      `${header}. ${payload}.${signature}`,
      `${header}.${payload}.${signature}.`,
      `.${session.token}`,
      `${header}.${payload}`,
      `${header}..${signature}`,
      `${session.token}\u00A0`,
      `${session.token}%3D`,
      session.token.replaceAll('.', '%2E'),
    ];
    const statuses = await Promise.all(variants.map((token) => bearer(`Bearer ${token}`)));
    expect(statuses).toEqual(variants.map(() => 401));
  });

  it('times that are no whole numbers, and other spellings of base64url are refused, as services refuse them', async () => {
    const { kid, alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const vectors = await misspelledTokens(key, { alg, typ: 'at+jwt', kid }, session.claims);
    for (const [what, token] of vectors) {
      expect([what, await bearer(`Bearer ${token}`)]).toEqual([what, 401]);
    }
    expect(vectors.length).toBeGreaterThan(40);
  });

  it('a token that was taken before is refused behind anything that is not the scheme', async () => {
    const schemes = ['Bearer ', 'bearer ', 'BEARER   '];
    const others = ['DPoP   ', 'Basic: ', 'Bearer', 'Bearer\t', 'Bearer=', 'xBearer ', 'Bearer  x', ''];
    for (const [spellings, status] of [
      [schemes, 200],
      [others, 401],
      [schemes, 200],
    ] as const) {
      const statuses = await Promise.all(spellings.map((scheme) => bearer(`${scheme}${session.token}`)));
      expect(statuses).toEqual(spellings.map(() => status));
    }
  });

  it('a token whose session has ended is refused in every encoding of it [T13]', async () => {
    const held = await gateway.session();
    const before = await Promise.all(otherLastCharacters(held.token).map((token) => inCookie(token)));
    expect(before.every((status) => status === 200 || status === 401)).toBe(true);
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: held.cookie } });
    const tokens = [held.token, `${held.token}==`, `${held.token}\n`, ...otherLastCharacters(held.token)];
    const after = await Promise.all(tokens.map((token) => inCookie(token)));
    expect(after).toEqual(tokens.map(() => 401));
  });

  it('a JSON-serialised JWS is refused, flattened and general [T08]', async () => {
    const [protectedHeader, payload, signature] = session.token.split('.');
    const flattened = JSON.stringify({ protected: protectedHeader, payload, signature });
    const general = JSON.stringify({ payload, signatures: [{ protected: protectedHeader, signature }] });
    for (const token of [flattened, general]) {
      expect([await inCookie(token), await bearer(`Bearer ${token}`)]).toEqual([401, 401]);
    }
  });

  it('the encrypted cookie is no bearer token, and the bearer token no cookie', async () => {
    expect(await bearer(`Bearer ${session.sealed}`)).toBe(401);
    const cookie = `${gateway.cookieName}=${session.token}`;
    expect((await gateway.request('/api/v1/me', { headers: { cookie } })).status).toBe(401);
  });

  it('a token cut off anywhere is refused', async () => {
    const step = 7;
    const cuts = Array.from({ length: Math.floor(session.token.length / step) }, (_, index) => index * step);
    const statuses = await Promise.all(
      cuts.map((length) => bearer(`Bearer ${session.token.slice(0, length)}`)),
    );
    expect(statuses).toEqual(cuts.map(() => 401));
  });

  it('a token of 15 kB is refused, in the cookie or as bearer', async () => {
    expect(await inCookie('a'.repeat(15_000))).toBe(401);
    expect(await bearer(`Bearer ${'a'.repeat(15_000)}`)).toBe(401);
    expect(await bearer(`Bearer ${session.token}${'A'.repeat(8192)}`)).toBe(401);
  });
});

describe('Authorization header', () => {
  it('the scheme is case-insensitive and blanks around the token do not matter', async () => {
    expect(await bearer(`bearer   ${session.token}  `)).toBe(200);
  });

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer %',
    'Bearer %00',
    'Basic YTpi',
    'Bearer a b',
    'Bearer ,',
    '',
    '\u00E9',
  ])('%j is refused, also beside a live session cookie [W05]', async (value) => {
    expect(await bearer(value)).toBe(401);
    const headers = { authorization: value, cookie: session.cookie };
    expect((await gateway.request('/api/v1/me', { headers })).status).toBe(401);
  });

  it('a live token in the query or in a form field is not a credential', async () => {
    const answers = [
      await gateway.request(`/api/v1/me?access_token=${session.token}`),
      await gateway.request('/auth/sessions', {
        method: 'GET',
        headers: { 'x-access-token': session.token, 'proxy-authorization': session.bearer },
      }),
    ];
    expect(answers.map(({ status }) => status === 200)).toEqual([false, false]);
  });
});
