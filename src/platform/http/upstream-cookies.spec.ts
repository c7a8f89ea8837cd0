import { describe, expect, it } from 'vitest';
import { UpstreamCookies } from './upstream-cookies.js';

const line =
  'ory_kratos_session=MTY%3D|x==; Path=/; Expires=Fri, 27 Nov 2026 12:00:00 GMT; Max-Age=60; HttpOnly; SameSite=Lax';

describe('under https', () => {
  const cookies = new UpstreamCookies('https://auth.example.org');

  it('a browser has each cookie with the prefix, Secure, for this host alone and all of its paths', () => {
    for (const given of [
      line,
      `${line}; Secure`,
      `${line}; Domain=example.org`,
      line.replace('Path=/', 'Path=/x'),
    ]) {
      const attributes = cookies.toBrowser(given).split('; ');
      expect(attributes[0]).toBe('__Host-ory_kratos_session=MTY%3D|x==');
      expect(attributes.slice(1).sort()).toEqual([
        'Expires=Fri, 27 Nov 2026 12:00:00 GMT',
        'HttpOnly',
        'Max-Age=60',
        'Path=/',
        'SameSite=Lax',
        'Secure',
      ]);
    }
  });

  it('a name that has the prefix already keeps it once, and a deleted cookie is deleted', () => {
    expect(cookies.toBrowser('__Host-a=1; Path=/; Secure')).toMatch(/^__Host-a=1;/);
    expect(cookies.toBrowser('a=; Path=/; Max-Age=0')).toMatch(/^__Host-a=; Max-Age=0; Path=\/; Secure$/);
  });

  it('an upstream gets its own names, and what comes without the prefix is dropped', () => {
    expect(cookies.toUpstream('__Host-a=1; b=2;__Host-c="3";\t__Host-vestibule=4; vestibule=5')).toBe(
      'a=1; c="3"',
    );
    expect(cookies.toUpstream('ory_kratos_session=planted; __Host-ory_kratos_session=good')).toBe(
      'ory_kratos_session=good',
    );
    expect(
      cookies.toUpstream('__host-a=1; __HOST-b=2; \u00a0__Host-c=3; =__Host-d=4; __Host-=5; __Secure-e=6'),
    ).toBe(undefined);
    expect(cookies.browserName('a')).toBe('__Host-a');
  });

  it.each([' ', '\t', '\u00a0', '\u0085', '"', '(', '@', '\u0000'])(
    'a name with %j in it reaches no upstream',
    (odd) => {
      for (const name of [`${odd}ory_kratos_session`, `ory_kratos_session${odd}x`, `ory${odd}kratos`]) {
        expect(cookies.toUpstream(`__Host-${name}=1; __Host-a=2`)).toBe('a=2');
      }
    },
  );
});

describe('on plain http', () => {
  const cookies = new UpstreamCookies('http://localhost:3000');

  it('cookies go through as they are, except ours', () => {
    expect(cookies.toBrowser(line)).toBe(line);
    expect(cookies.toUpstream('a=1; vestibule=2; vestibule-login.x=3')).toBe('a=1');
    expect(cookies.browserName('a')).toBe('a');
  });
});

it.each(['https://auth.example.org', 'http://localhost:3000'])(
  'of two cookies of one name neither reaches an upstream, in either order: %s',
  (origin) => {
    const cookies = new UpstreamCookies(origin);
    const [a, b] = [cookies.browserName('a'), cookies.browserName('b')];
    expect(cookies.toUpstream(`${a}=1; ${b}=2; ${a}=3`)).toBe('b=2');
    expect(cookies.toUpstream(`${a}=3; ${b}=2; ${a}=1`)).toBe('b=2');
    expect(cookies.toUpstream(`${a}=1; ${a}=1`)).toBeUndefined();
    expect(cookies.toUpstream('')).toBeUndefined();
    expect(cookies.toUpstream(undefined)).toBeUndefined();
  },
);
