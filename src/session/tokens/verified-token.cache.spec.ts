import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { newSecret, plainConfiguration } from '../../../test/support/gateway.js';
import { newTokenSubject } from '../../../test/support/token.subject.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { RecentDigests } from '../../platform/crypto/recent-digests.js';
import type { RevocationKind } from '../../platform/database/database.schema.js';
import { VerifiedTokenCache } from './verified-token.cache.js';
import { parseCookieText, cookieTextOf } from '../cookie/decrypted-cookie.js';
import { RevocationList } from '../revocation/revocation-list.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key-ring.js';
import { TokenService } from './token.service.js';

const configuration = plainConfiguration({
  SECRETS: newSecret(),
  TOKEN_TTL: '10m',
  REVOCATION_MAX_STALENESS: '1h',
});
const second = 1000;
let database: FreshDatabase;
let keys: SigningKeyRing;
let repository: SigningKeyRepository;
let tokens: TokenService;
let shift = 0;
const clock = new Clock();
clock.now = () => Date.now() + shift;

beforeAll(async () => {
  database = await freshDatabase('sqlite', inject('postgresUrl'));
  repository = new SigningKeyRepository(await database.connectMigrated(), clock);
  keys = new SigningKeyRing(repository, clock, configuration);
  await keys.onModuleInit();
  tokens = new TokenService(keys, clock, configuration);
});

afterEach(() => {
  shift = 0;
});

afterAll(async () => {
  keys?.onModuleDestroy();
  await database?.drop();
});

/** @param moment in seconds since the epoch. */
function setClock(moment: number): void {
  shift = moment * second - Date.now();
}

/** The cache of a process that has just started. */
function newLive(list = new RevocationList(clock, configuration)): VerifiedTokenCache {
  return new VerifiedTokenCache(tokens, list, clock, new RecentDigests());
}

/** A process that has verified one bearer, with its revocation list. */
async function seen(sent?: string) {
  const list = new RevocationList(clock, configuration);
  const live = newLive(list);
  const minted = await tokens.mint({ ...newTokenSubject(), email: 'ada@example.test' });
  const text = sent ?? minted.token;
  live.set('bearer', text, await live.verify(minted.token));
  const revoke = (kind: RevocationKind, id: string, before: number | null = null): void => {
    list.apply([{ id, kind, before, recorded_at: clock.now(), expires_at: clock.now() + 3600 * second }]);
  };
  return { ...minted, live, list, revoke, recall: () => live.get('bearer', text) };
}

describe('a token that was verified before', () => {
  it('is known again without its signature being looked at', async () => {
    const { live, claims, recall } = await seen('anything stands for it');
    expect(recall()).toEqual({
      claims,
      credential: 'bearer',
      user: { id: claims.sub, email: claims.email, emailVerified: true, name: null, picture: null },
    });
    expect(live.size).toBe(1);
  });

  it('is not known by any other text, nor as the other kind of credential', async () => {
    const { live, token } = await seen();
    for (let index = 0; index < token.length; index += 1) {
      const flipped = String.fromCharCode(token.charCodeAt(index) ^ 1);
      expect(live.get('bearer', token.slice(0, index) + flipped + token.slice(index + 1))).toBeUndefined();
    }
    for (const other of [`${token}=`, `${token}\n`, token.slice(0, -1), '']) {
      expect(live.get('bearer', other)).toBeUndefined();
    }
    expect(live.get('cookie', token)).toBeUndefined();
  });

  it('is not known at a host that it isn’t for, whichever asks first', async () => {
    const live = newLive();
    const host = 'https://app.example.com';
    const [own, other] = [
      await tokens.mint(newTokenSubject()),
      await tokens.mint(newTokenSubject(), undefined, host),
    ];
    live.set('bearer', own.token, await live.verify(own.token));
    live.set('bearer', other.token, await live.verify(other.token, host));
    expect(live.get('bearer', other.token, host)?.claims.aud).toBe(host);
    expect(live.get('bearer', other.token)).toBeUndefined();
    expect(live.get('bearer', other.token, 'https://wiki.example.net')).toBeUndefined();
    expect(live.get('bearer', own.token)?.claims.aud).toBe(configuration.TOKEN_AUDIENCE);
    expect(live.get('bearer', own.token, host)).toBeUndefined();
    for (const [token, audience] of [
      [own.token, host],
      [other.token, undefined],
      [other.token, `${host}/`],
    ] as const) {
      await expect(live.verify(token, audience)).rejects.toMatchObject({ reason: 'token_claim_aud' });
      const opened = parseCookieText(cookieTextOf(token));
      await expect(async () => live.verifyOpened(opened, audience)).rejects.toMatchObject({
        reason: 'token_claim_aud',
      });
    }
  });

  it('is not known by another text with the same end, which is what it is found by', async () => {
    const { live, token, recall } = await seen();
    const changed = `x${token.slice(1)}`;
    expect(live.get('bearer', changed)).toBeUndefined();
    expect(live.get('bearer', token.slice(-22))).toBeUndefined();
    expect(recall()).toBeDefined();
  });

  it('is remembered of a cookie only when it comes again: each token by itself', async () => {
    const live = newLive();
    const verified = await Promise.all(
      Array.from({ length: 20 }, async () =>
        live.verifyOpened(parseCookieText(cookieTextOf((await tokens.mint(newTokenSubject())).token))),
      ),
    );
    const sizes = [1, 2, 3].map(() => {
      verified.forEach((one, index) => live.set('cookie', `cookie ${index}`, one));
      return live.size;
    });
    expect(sizes).toEqual([0, 20, 20]);
    expect(verified.map((_one, index) => live.get('cookie', `cookie ${index}`)?.claims)).toEqual(
      verified.map(({ claims }) => claims),
    );
  });

  it('is not known before and after its life, whichever way the clock goes', async () => {
    const { recall } = await seen();
    const known = [-70, -50, 0, 600, 650, 670, 3000].map((seconds) => {
      shift = seconds * second;
      return recall() !== undefined;
    });
    expect(known).toEqual([false, true, true, true, true, false, false]);
  });

  it('is known from the first second of its life up to its last one', async () => {
    const { claims, recall } = await seen();
    const { from, until } = tokens.lifeOf(claims);
    const known = [from - 1, from, until - 1, until].map((moment) => {
      setClock(moment);
      return recall() !== undefined;
    });
    expect(known).toEqual([false, true, true, false]);
  });

  it('is forgotten within a minute of its end, as long as the process runs', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { live, token, claims } = await seen();
      const sizeAt = (moment: number): number => {
        setClock(moment);
        vi.advanceTimersByTime(60_000);
        return live.size;
      };
      const { until } = tokens.lifeOf(claims);
      live.onModuleInit();
      expect([until - 1, until].map(sizeAt)).toEqual([1, 0]);
      live.set('bearer', token, { ...(await live.verify(token)), claims });
      live.onModuleDestroy();
      expect(sizeAt(until)).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is refused when it comes in anew after its session ended, with the reason that it was good once', async () => {
    const { live, token, claims, revoke } = await seen();
    revoke('session', claims.sid);
    const refusal = expect.objectContaining({ code: 'unauthenticated', reason: 'session_ended' });
    await expect(live.verify(token)).rejects.toEqual(refusal);
    await expect(async () => live.verifyOpened(parseCookieText(cookieTextOf(token)))).rejects.toEqual(
      refusal,
    );
  });

  it.each<[string, RevocationKind, 'sid' | 'sub' | undefined]>([
    ['its session is ended', 'session', 'sid'],
    ['its user has changed', 'user', 'sub'],
    ['everything is revoked', 'everything', undefined],
  ])('is not known once %s, and what is revoked of others costs it nothing', async (_what, kind, name) => {
    const { claims, revoke, recall, list } = await seen();
    const before = list.revision;
    revoke('session', newId());
    expect(list.revision).toBeGreaterThan(before);
    expect(recall()).toBeDefined();
    revoke(kind, name === undefined ? '*' : claims[name], kind === 'session' ? null : clock.now() + second);
    expect(recall()).toBeUndefined();
  });

  it('is not known once its key is revoked', async () => {
    const { recall } = await seen();
    const { kid } = keys.signing();
    expect(recall()).toBeDefined();
    await repository.revoke(kid);
    await keys.load();
    expect(recall()).toBeUndefined();
    await keys.ensureNext();
  });

  it('is refused while it is unknown what was revoked', async () => {
    const { recall, list } = await seen();
    list.markRead();
    shift = 59 * 60 * second;
    expect(recall).not.toThrow();
    shift = 61 * 60 * second;
    expect(recall).toThrow(expect.objectContaining({ code: 'revocations_unknown' }));
  });

  it('is remembered a cookie’s only until it is to be renewed, between a fifth and two fifths before its end', async () => {
    const live = newLive();
    const lengths = await Promise.all(
      Array.from({ length: 200 }, async (_value, index) => {
        const { token, claims } = await tokens.mint({ ...newTokenSubject(), email: 'ada@example.test' });
        const verified = await live.verifyOpened(parseCookieText(cookieTextOf(token)));
        live.set('cookie', `cookie ${index}`, verified);
        expect(live.get('cookie', `cookie ${index}`)).toBeUndefined();
        live.set('cookie', `cookie ${index}`, verified);
        const renewableAfter = tokens.renewableFrom(claims) - claims.iat;
        shift = (renewableAfter - 2) * second;
        expect(live.get('cookie', `cookie ${index}`)).toBeDefined();
        shift = (renewableAfter + 2) * second;
        expect(live.get('cookie', `cookie ${index}`)).toBeUndefined();
        shift = 0;
        return renewableAfter;
      }),
    );
    expect(Math.min(...lengths)).toBeGreaterThan(600 * 0.6 - 1);
    expect(Math.max(...lengths)).toBeLessThan(600 * 0.8 + 1);
    // The chance is even: both halves are used.
    const early = lengths.filter((length) => length < 600 * 0.7).length;
    expect(early).toBeGreaterThan(50);
    expect(early).toBeLessThan(150);
  });
});
