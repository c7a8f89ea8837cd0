import { expect, it } from 'vitest';
import { CarriedCookies } from './carried-cookies.js';

const room = 1000;
const kept = (line: string): string => `${line}; Path=/; HttpOnly; Max-Age=1800`;
const deleted = (name: string): string => `${name}=; Max-Age=0; Path=/`;

it('the next request has what was sent and what was set since, in the order in which a browser has it', () => {
  const cookies = new CarriedCookies('a=1; b="2"; c=3');
  cookies.take([kept('b=4'), kept('d=5==')]);
  expect(cookies.header).toBe('a=1; b=4; c=3; d=5==');
  cookies.take([deleted('a'), 'c=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  expect(cookies.header).toBe('b=4; d=5==');
});

it('the browser gets the latest of each name, and nothing of what came and went', () => {
  const cookies = new CarriedCookies('old=1');
  cookies.take([kept('brief=1'), kept('twice=1')]);
  cookies.take([kept('twice=2'), deleted('old'), deleted('brief')]);
  expect(cookies.linesWithin(room)).toEqual([kept('twice=2'), deleted('old')]);
});

it('a cookie that came, went and came again is sent', () => {
  const cookies = new CarriedCookies(undefined);
  cookies.take([kept('a=1')]);
  cookies.take([deleted('a')]);
  cookies.take([kept('a=2')]);
  expect([cookies.header, cookies.linesWithin(room)]).toEqual(['a=2', [kept('a=2')]]);
});

it.each(['a=1; a=2', 'a=1; b=0; a=1', ' a=1;a=2'])(
  'a name that was sent twice (%j) stays twice, whatever is set',
  (sent) => {
    const cookies = new CarriedCookies(sent);
    const values = (): string[] => cookies.header.split('; ').filter((pair) => pair.startsWith('a='));
    cookies.take([kept('a=3')]);
    expect(values()).toHaveLength(2);
    expect(values()).not.toContain('a=3');
    cookies.take([deleted('a')]);
    expect(values()).toHaveLength(2);
    cookies.take([kept('a=4')]);
    expect(values()).toHaveLength(2);
    expect(cookies.linesWithin(room)).toEqual([kept('a=4')]);
  },
);

it.each([undefined, '', ';;', 'x', '=; =1', 'a'.repeat(9000)])(
  'what isn’t a cookie (%.10s) harms nothing',
  (sent) => {
    const cookies = new CarriedCookies(sent);
    cookies.take([kept('a=1')]);
    expect(new CarriedCookies(cookies.header).header).toContain('a=1');
    expect(cookies.linesWithin(room)).toEqual([kept('a=1')]);
  },
);

it('all that is set goes to the browser, and of what is deleted the latest that there is room for', () => {
  const cookies = new CarriedCookies('a=1; b=1; c=1; d=1');
  cookies.take([deleted('a'), deleted('b'), kept('d=2'), deleted('c')]);
  const needed = kept('d=2').length + deleted('a').length;
  expect(cookies.linesWithin(2 * needed)).toEqual([kept('d=2'), deleted('c'), deleted('b'), deleted('a')]);
  expect(cookies.linesWithin(needed)).toEqual([kept('d=2'), deleted('c')]);
  expect(cookies.linesWithin(0)).toEqual([kept('d=2')]);
});

it('a deletion states its time once', () => {
  const cookies = new CarriedCookies('__Host-a=1');
  cookies.take([
    '__Host-a=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
  ]);
  expect(cookies.linesWithin(room)).toEqual(['__Host-a=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax']);
});
