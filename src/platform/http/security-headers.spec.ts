import { expect, it } from 'vitest';
import { defaultHeaders, policyFor } from './security-headers.js';

const formActionOf = (targets: readonly string[]): string | undefined =>
  policyFor(targets)
    .split(';')
    .find((directive) => directive.startsWith('form-action'));

it.each([
  [['https://app.example.org/callback?x=1'], "form-action 'self' https://app.example.org"],
  [['http://127.0.0.1:4000/callback'], "form-action 'self' http://127.0.0.1:*"],
  [['org.example.app:/callback'], "form-action 'self' org.example.app:"],
  [['https://a.example/x', 'https://a.example/y'], "form-action 'self' https://a.example"],
  [['no url'], "form-action 'self'"],
])('forms may end at %s', (targets, expected) => {
  expect(formActionOf(targets)).toBe(expected);
});

it.each(['https://a;sandbox/', 'https://a;script-src/', 'https://a,b/'])(
  '%s adds nothing to the policy: its host would end the directive',
  (target) => {
    expect(policyFor([target])).toBe(policyFor([]));
  },
);

it('pictures of other hosts are for pages that say that they show one', () => {
  const picturesIn = (policy = ''): string | undefined => /img-src ([^;]*)/.exec(policy)?.[1];
  const plain = defaultHeaders('https://auth.example.org')['content-security-policy'];
  expect([plain, policyFor([]), policyFor([], true)].map(picturesIn)).toEqual([
    "'self' data:",
    "'self' data:",
    "'self' data: https:",
  ]);
  expect(policyFor(['https://a.example/x'], true)).toContain("form-action 'self' https://a.example;");
});
