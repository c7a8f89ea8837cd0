import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { newTokenSubject } from '../../../test/support/token.subject.js';
import { signRaw } from '../../../test/support/token.forge.js';
import { Clock } from '../../platform/time/clock.service.js';
import { timestampOf } from '../../platform/core/identifier.js';
import { claimsForm } from './claims.schema.js';
import { parseCookieText, cookieTextOf } from '../cookie/decrypted-cookie.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key-ring.js';
import { TokenService, type VerifiedToken } from './token.service.js';

const ttl = 600;
/** Seconds by which clocks may differ. */
const tolerance = 60;
const start = 1_800_000_000;
const configuration = plainConfiguration({ TOKEN_TTL: `${ttl}s` });
const clock = new Clock();
let at = start;
clock.now = () => at * 1000;
let database: FreshDatabase;
let keys: SigningKeyRing;
let tokens: TokenService;

beforeAll(async () => {
  database = await freshDatabase('sqlite', inject('postgresUrl'));
  keys = new SigningKeyRing(
    new SigningKeyRepository(await database.connectMigrated(), clock),
    clock,
    configuration,
  );
  await keys.onModuleInit();
  tokens = new TokenService(keys, clock, configuration);
});

afterAll(async () => {
  keys?.onModuleDestroy();
  await database?.drop();
});

/**
 * Verifies a token from a cookie, as a promise even if the answer is synchronous. Its claims were parsed before, or, with
 * another form, were not.
 */
async function unsealed(token: string, form?: string): Promise<VerifiedToken> {
  return tokens.verifyOpened(parseCookieText(cookieTextOf(token, form)));
}

/** A token minted at the start of this test's time. */
async function minted() {
  at = start;
  return tokens.mint(newTokenSubject());
}

const header = () => ({ alg: keys.signing().alg, typ: 'at+jwt', kid: keys.signing().kid });
const refusal = (reason: string) => expect.objectContaining({ code: 'unauthenticated', reason });

describe('a minted token', () => {
  it('says what it was told, with what is mapped, who speaks, and under an id of its own when that was read', async () => {
    at = start;
    const told = newTokenSubject();
    const { claims, token } = await tokens.mint({ plan: 'gold', ...told });
    expect(claims).toEqual({
      ...told,
      plan: 'gold',
      iss: configuration.PUBLIC_URL,
      aud: configuration.TOKEN_AUDIENCE,
      jti: expect.any(String),
      iat: start,
      nbf: start,
      exp: start + ttl,
    });
    expect(claims.jti).not.toBe(told.jti);
    expect(timestampOf(claims.jti)).toBe(timestampOf(told.jti));
    expect(await tokens.verify(token)).toEqual({ claims, expired: false, kid: keys.signing().kid });
    expect(await unsealed(token)).toEqual({ claims, expired: false, kid: keys.signing().kid });
  });

  it.each([
    [start + ttl - 1, start + ttl - 1],
    [start + ttl + 1, start + ttl],
  ])('from something that ends at %i ends at %i', async (latest, exp) => {
    at = start;
    expect((await tokens.mint(newTokenSubject(), latest)).claims.exp).toBe(exp);
  });
});

describe('the life of a token', () => {
  it.each([
    [-tolerance, false],
    [ttl + tolerance - 1, false],
    [ttl + tolerance, true],
  ])('%i seconds after it was minted it is over: %s', async (seconds, isOver) => {
    const { token } = await minted();
    at = start + seconds;
    expect((await tokens.verify(token)).expired).toBe(isOver);
    expect((await unsealed(token)).expired).toBe(isOver);
  });

  it('has not begun for a clock that is behind by more than may be; a cookie is renewed', async () => {
    const { token } = await minted();
    at = start - tolerance - 1;
    await expect(tokens.verify(token)).rejects.toEqual(refusal('token_claim_nbf'));
    expect((await unsealed(token)).expired).toBe(true);
  });

  it('is counted from the later of its two starts, to the earlier of its two ends', async () => {
    const { claims } = await minted();
    expect(tokens.lifeOf({ ...claims, nbf: start + 10 }).from).toBe(start + 10 - tolerance);
    expect(tokens.lifeOf({ ...claims, nbf: start - 10 }).from).toBe(start - tolerance);
    expect(tokens.lifeOf({ ...claims, exp: start + 10 * ttl }).until).toBe(start + ttl + 1 + tolerance);
    expect(tokens.lifeOf({ ...claims, exp: start + 5 }).until).toBe(start + 5 + tolerance);
  });

  it.each([
    ['00000000', 0.2 * ttl],
    ['80000000', 0.3 * ttl],
    ['ffffffff', 0.4 * ttl],
  ])('is near its end by the chance in its id: %s', async (chance, left) => {
    const { claims } = await minted();
    const token = { ...claims, jti: claims.jti.slice(0, -8) + chance };
    at = claims.exp - left - 1;
    expect(tokens.isNearEnd(token)).toBe(false);
    at = claims.exp - left;
    expect(tokens.isNearEnd(token)).toBe(true);
  });
});

describe('what is no token of ours', () => {
  it.each(['', 'a', 'a.b', 'a.b.c.d', '.b.c', 'a..c', 'a.b.', '!a.b.c', 'a.b.c!', 'a.b c.d'])(
    '%j is malformed',
    async (text) => {
      await expect(tokens.verify(text)).rejects.toEqual(refusal('token_malformed'));
      await expect(unsealed(text)).rejects.toEqual(refusal('token_header'));
    },
  );

  it('is looked at up to 8,192 characters', async () => {
    const [head = ''] = (await minted()).token.split('.');
    const ofLength = (length: number): string => {
      const rest = length - head.length - 2;
      // Base64url has no part of 4 n + 1 characters.
      const signature = 'A'.repeat(rest % 4 === 3 ? 3 : 2);
      return `${head}.${'A'.repeat(rest - signature.length)}.${signature}`;
    };
    await expect(tokens.verify(ofLength(8192))).rejects.not.toEqual(refusal('token_malformed'));
    await expect(tokens.verify(ofLength(8193))).rejects.toEqual(refusal('token_malformed'));
  });

  it.each([
    ['token_key_unknown', { kid: 'x'.repeat(128) }],
    ['token_header', { kid: 'x'.repeat(129) }],
    ['token_header', { typ: 'JWT' }],
    ['token_header', { jwk: {} }],
    ['token_key_unknown', { alg: 'RS256' }],
  ])('%s: a header with %j', async (reason, difference) => {
    const { claims } = await minted();
    const token = await signRaw(keys.signing().key, { ...header(), ...difference }, claims);
    await expect(tokens.verify(token)).rejects.toEqual(refusal(reason));
    await expect(unsealed(token)).rejects.toEqual(refusal(reason));
  });

  it('has another signature; only in our own cookie nobody looks at it', async () => {
    const { token } = await minted();
    const [head, payload] = token.split('.');
    const [, , foreign] = (await minted()).token.split('.');
    await expect(tokens.verify(`${head}.${payload}.${foreign}`)).rejects.toEqual(refusal('token_signature'));
    await expect(tokens.verify(`${head}.${payload}.A`)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect((await unsealed(`${head}.${payload}.${foreign}`)).expired).toBe(false);
  });

  it.each([
    ['token_claim_iss', { iss: 'https://elsewhere.example.test' }],
    ['token_claim_aud', { aud: 'https://elsewhere.example.test' }],
    ['token_of_other_provider', { idp: 'oidc' }],
  ])('%s: claims with %j, whether they were parsed before or not', async (reason, difference) => {
    const { claims } = await minted();
    const token = await signRaw(keys.signing().key, header(), { ...claims, ...difference });
    await expect(tokens.verify(token)).rejects.toEqual(refusal(reason));
    await expect(unsealed(token)).rejects.toEqual(refusal(reason));
    await expect(unsealed(token, 'another')).rejects.toEqual(refusal(reason));
  });

  it.each([{ idp: 'nobody' }, { sub: undefined }])('token_claims: claims with %j', async (difference) => {
    const { claims } = await minted();
    const token = await signRaw(keys.signing().key, header(), { ...claims, ...difference });
    await expect(tokens.verify(token)).rejects.toEqual(refusal('token_claims'));
    await expect(unsealed(token, 'another')).rejects.toEqual(refusal('token_claims'));
  });

  it.each(['', '{', 'null', '1', '"a"'])(
    'token_claims: %j in a cookie, whatever it says of its form',
    async (payload) => {
      const [head = ''] = (await minted()).token.split('.');
      const opened = { form: claimsForm, header: head, signature: 'c', payload };
      await expect(async () => tokens.verifyOpened(opened)).rejects.toEqual(refusal('token_claims'));
    },
  );

  it('is never minted: what has not the form of claims is an error before it is signed', async () => {
    await expect(tokens.mint({ ...newTokenSubject(), sid: 'x' })).rejects.toThrow(/"sid"/);
  });

  it('keys: ours is good, any other is not', () => {
    expect([keys.signing().kid, 'x'].map((kid) => tokens.isKeyGood(kid))).toEqual([true, false]);
  });
});
