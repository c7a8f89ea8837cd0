import { expect, it } from 'vitest';
import { requireKnownAssurance, requireShortQuery } from './query-limit.js';

const start = '/ory/kratos/self-service/login/browser';
const auth = '/ory/hydra/oauth2/auth';
const state = 'x'.repeat(2000);

it.each([
  start,
  `${start}?`,
  `${start}?return_to=${'x'.repeat(2038)}`,
  `${start}?return_to=https%3A%2F%2Fa.example%2Fauth%2Fory%2Flogin%3Flogin_challenge%3D${'x'.repeat(4000)}`,
  `${auth}?state=${state}&login_verifier=${'x'.repeat(4000)}`,
  `${auth}?consent_verifier=${'x'.repeat(4000)}&state=${state}`,
  `/ory/hydra/oauth2/sessions/logout?id_token_hint=${'x'.repeat(5000)}`,
])('%.80s may be passed on', (url) => {
  expect(() => requireShortQuery(url)).not.toThrow();
});

it.each([
  `${start}?return_to=${'x'.repeat(2039)}`,
  `${start}?a=login_challenge${state}x`.padEnd(2100, 'x'),
  `${start}?login_challenge=${'x'.repeat(6500)}`,
  `${auth}?state=${'x'.repeat(2100)}`,
  `${start}?return_to=/oauth2/sessions/logout?id_token_hint=${'x'.repeat(2100)}`,
  `/ory/hydra/oauth2/sessions/logout?id_token_hint=${'x'.repeat(6500)}`,
])('%.80s is too long', (url) => {
  expect(() => requireShortQuery(url)).toThrow(expect.objectContaining({ code: 'uri_too_long' }));
});

it.each(['', '?aal=', '?aal=aal1', '?aal=AAL2&refresh=true', '?return_to=%2F%3Faal%3Dx'])(
  'a login with %s may be begun',
  (query) => {
    expect(() => requireKnownAssurance(`${start}${query}`, '/self-service/login/browser')).not.toThrow();
  },
);

it.each(['?aal=x', '?aal=aal3', '??a&aal=x', '?%61al=x', '?aal=aal1&aal=x', '?aal=aal1%20'])(
  'a login with %s leaves no error at Kratos',
  (query) => {
    expect(() => requireKnownAssurance(`${start}${query}`, '/self-service/login/browser')).toThrow(
      expect.objectContaining({ code: 'malformed_request' }),
    );
  },
);
