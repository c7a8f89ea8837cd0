import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';
import { ChallengeBinding } from './challenge-binding.js';

const name = '__Host-vestibule-challenge';
const secrets = [new Uint8Array(randomBytes(32))];
const cookies = new CookieWriter('https://auth.example.test');
const PUBLIC_URL = 'https://auth.example.test';
const binding = new ChallengeBinding({ SECRETS: secrets, PUBLIC_URL }, cookies);
const login = `${PUBLIC_URL}/auth/ory/login?login_challenge=`;
const authorization = '/oauth2/auth';

/** The Cookie header of a browser that got this redirect. */
function cookieAfter(location: string, cookie?: string, path = authorization): string {
  const bound = binding.bind({ path, location }, cookie, 1_700_000_000_000);
  const kept = (cookie?.split('; ') ?? []).filter(
    (pair) => !bound?.surplus.includes(pair.split('=')[0] ?? ''),
  );
  return [...kept, `${bound?.name}=${bound?.value}`].join('; ');
}

describe('ChallengeBinding', () => {
  it.each([
    ['login', authorization],
    ['consent', authorization],
    ['logout', '/oauth2/sessions/logout'],
  ])('a browser that was given a %s challenge holds it', (kind, path) => {
    const cookie = cookieAfter(`${PUBLIC_URL}/auth/ory/${kind}?${kind}_challenge=abc%3D%3D`, undefined, path);
    expect(binding.holds('abc==', cookie)).toBe(true);
  });

  it('a browser holds no challenge that it was not given, nor without a cookie', () => {
    const challenge = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(challenge, challenge, (given, other) => {
        const cookie = cookieAfter(login + encodeURIComponent(given));
        expect(binding.holds(given, cookie)).toBe(true);
        expect(binding.holds(other, cookie)).toBe(other === given);
        expect(binding.holds(given, undefined)).toBe(false);
      }),
    );
  });

  it('no cookie that somebody makes up holds a challenge', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[\w-]{43}$/), (text, code) => {
        const own = cookieAfter(`${login}challenge`).split('=', 1)[0];
        expect(binding.holds('challenge', `${own}=${text}`)).toBe(false);
        expect(binding.holds('challenge', `${own}=${code}`)).toBe(false);
      }),
    );
  });

  it('of two cookies of the name none counts: one may be planted', () => {
    const cookie = cookieAfter(`${login}a`);
    expect(binding.holds('a', `${cookie}; ${cookie}`)).toBe(false);
    expect(binding.holds('a', `${cookie.split('=', 1)[0]}=x; ${cookie}`)).toBe(false);
  });

  it('of very many open challenges, an answer drops no more than 20', () => {
    const cookie = Array.from({ length: 150 }, (_none, index) => `${name}.${index}=x`).join('; ');
    expect(binding.bind({ path: authorization, location: `${login}a` }, cookie, 0)?.surplus).toHaveLength(20);
  });

  it('Hydra’s own cookies for open challenges give way too, the oldest first', () => {
    const names = Array.from({ length: 8 }, (_none, index) => `__Host-ory_hydra_login_csrf_dev_${index}`);
    const others = ['__Host-ory_hydra_session', '__Host-ory_hydra_consent_csrf_1'];
    const cookie = [...names, ...others].map((other) => `${other}=x`).join('; ');
    expect(binding.bind({ path: authorization, location: `${login}a` }, cookie, 0)?.surplus).toEqual(
      names.slice(0, 2),
    );
  });

  it('several tabs: the latest six challenges are held, older ones give way', () => {
    const names = Array.from({ length: 8 }, (_, index) => `challenge-${index}`);
    const cookie = names.reduce<string | undefined>(
      (before, entry) => cookieAfter(login + entry, before),
      undefined,
    );
    expect(names.filter((entry) => binding.holds(entry, cookie))).toEqual(names.slice(2));
  });

  it('two tabs that got their challenges at the same moment hold both', () => {
    const cookie = `${cookieAfter(`${login}a`)}; ${cookieAfter(`${login}b`)}`;
    expect(binding.holds('a', cookie)).toBe(true);
    expect(binding.holds('b', cookie)).toBe(true);
  });

  it('another secret, or another use of the same secret, holds nothing', () => {
    const cookie = cookieAfter(`${login}a`);
    const other = new ChallengeBinding({ SECRETS: [new Uint8Array(randomBytes(32))], PUBLIC_URL }, cookies);
    expect(other.holds('a', cookie)).toBe(false);
    const code = new PurposeCipher(secrets, 'login-transaction').sign('a');
    expect(binding.holds('a', `${cookie.split('=', 1)[0]}=${code}`)).toBe(false);
  });

  it('the time at which the challenge was given out comes along, and nobody can change it', () => {
    const cookie = cookieAfter(`${login}a`);
    expect(binding.boundAt('a', cookie)).toBe(1_700_000_000_000);
    expect(binding.boundAt('b', cookie)).toBeUndefined();
    expect(binding.boundAt('a', cookie.replace('=17', '=16'))).toBeUndefined();
    expect(binding.boundAt('a', cookie.replace(/=\d+\./, '=.'))).toBeUndefined();
  });

  it('a rotated secret still holds what was bound before', () => {
    const cookie = cookieAfter(`${login}a`);
    const rotated = new ChallengeBinding(
      { SECRETS: [new Uint8Array(randomBytes(32)), ...secrets], PUBLIC_URL },
      cookies,
    );
    expect(rotated.holds('a', cookie)).toBe(true);
  });

  it.each([
    '/relative?login_challenge=a',
    'not a url',
    '',
    `${PUBLIC_URL}/auth/ory/login`,
    `${PUBLIC_URL}/auth/ory/login?challenge=a`,
    `${PUBLIC_URL}/auth/ory/login#login_challenge=a`,
    // Not the challenge's own route, or another site's.
    `${PUBLIC_URL}/auth/ory/consent?login_challenge=a`,
    `${PUBLIC_URL}/ory/hydra/oauth2/auth?login_challenge=a`,
    'https://app.example.test/auth/ory/login?login_challenge=a',
    // Redirect URIs of an application that was registered with this route.
    `${login}a&code=b`,
    `${login}a&error=access_denied`,
    `${login}a#code=b`,
    `${login}a&login_challenge=b`,
    // What an endpoint doesn't give out.
    `${PUBLIC_URL}/auth/ory/logout?logout_challenge=a`,
  ])('the redirect %j binds nothing', (location) => {
    expect(binding.bind({ path: authorization, location }, undefined, 0)).toBeUndefined();
  });

  it.each(['/oauth2/sessions/logout', '/oauth2/fallbacks/error', '/userinfo'])(
    'a login challenge from %s binds nothing',
    (path) => {
      expect(binding.bind({ path, location: `${login}a` }, undefined, 0)).toBeUndefined();
    },
  );
});
