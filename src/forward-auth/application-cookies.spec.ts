import { describe, expect, it } from 'vitest';
import {
  kept,
  loginNames,
  misspelt,
  names,
  planted,
  secret,
  turns,
} from '../../test/support/cookie.headers.js';
import { applicationCookies } from './application-cookies.js';

describe.each([...names, ...loginNames])('%s', (name) => {
  // Node has put several headers together.
  it.each([...planted(name), ...misspelt(name)].map((cookies) => cookies.join('; ')))(
    'is taken out of %s [H11]',
    (header) => {
      expect(applicationCookies(header)).not.toContain(secret);
    },
  );
});

it.each([...kept])('of %s it keeps what is the application’s', (header, own) => {
  expect(applicationCookies(header)).toBe(own.join('; '));
});

it('keeps nothing of a header that has only ours, and all of any number of turns', () => {
  expect(applicationCookies(`vestibule=${secret}; ory_kratos_session=${secret}`)).toBe('');
  expect(applicationCookies(turns(100)).split('; ')).toHaveLength(100);
});
