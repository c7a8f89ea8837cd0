import { expect, it } from 'vitest';
import { refusalOf } from './provider-refusal.js';

it.each([
  ['server_error', 'provider_unavailable'],
  ['temporarily_unavailable', 'provider_unavailable'],
  ['invalid_client', 'provider_misconfigured'],
  ['invalid_scope', 'provider_misconfigured'],
  ['access_denied', 'login_refused'],
  ['login_required', 'login_refused'],
  ['<script>', 'login_refused'],
])('the error %s of a provider is %s', (error, code) => {
  expect(refusalOf(error)).toMatchObject({ code, reason: expect.stringMatching(/^provider_[a-z_]+$/) });
});
