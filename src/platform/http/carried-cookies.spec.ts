import { expect, it } from 'vitest';
import { CarriedCookies } from './carried-cookies.js';

const kept = (line: string): string => `${line}; Path=/; HttpOnly; Max-Age=1800`;
const deleted = (name: string): string => `${name}=; Path=/; Max-Age=0`;

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
  expect(cookies.lines).toEqual([kept('twice=2'), deleted('old')]);
});

it('a cookie that came, went and came again is sent', () => {
  const cookies = new CarriedCookies(undefined);
  cookies.take([kept('a=1')]);
  cookies.take([deleted('a')]);
  cookies.take([kept('a=2')]);
  expect([cookies.header, cookies.lines]).toEqual(['a=2', [kept('a=2')]]);
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
    expect(cookies.lines).toEqual([kept('a=4')]);
  },
);

it.each([undefined, '', ';;', 'x', '=; =1', 'a'.repeat(9000)])(
  'what isn’t a cookie (%.10s) harms nothing',
  (sent) => {
    const cookies = new CarriedCookies(sent);
    cookies.take([kept('a=1')]);
    expect(new CarriedCookies(cookies.header).header).toContain('a=1');
    expect(cookies.lines).toEqual([kept('a=1')]);
  },
);
