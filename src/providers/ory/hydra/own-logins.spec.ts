import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type OwnLogin, OwnLogins } from './own-logins.js';

const login: OwnLogin = {
  request: {
    challenge: 'login',
    skip: false,
    subject: '',
    session_id: 'sid',
    requested_scope: ['openid'],
    requested_access_token_audience: ['audience'],
    request_url: 'https://auth.example.test/ory/hydra/oauth2/auth',
    oidc_context: undefined,
    client: { client_id: 'vestibule', skip_consent: true },
  },
  context: { kratos_session_id: '0190f5a0-0000-7000-8000-000000000000', amr: ['pwd'], auth_time: 1 },
  identity: {
    issuer: 'urn:ory:kratos',
    subject: 'ada',
    email: null,
    emailVerified: false,
    name: null,
    picture: null,
  },
};

describe('OwnLogins', () => {
  let logins: OwnLogins;

  beforeEach(() => {
    logins = new OwnLogins();
    logins.accepted('https://auth.example.test/ory/hydra/oauth2/auth?login_verifier=verifier', login);
  });

  it('states the consent challenge of an accepted login, once', () => {
    logins.redirected('verifier', 'consent');
    expect(logins.take('consent')).toEqual({
      identity: login.identity,
      request: {
        ...login.request,
        challenge: 'consent',
        subject: 'ada',
        login_session_id: 'sid',
        context: login.context,
      },
    });
    expect(logins.take('consent')).toBeUndefined();
  });

  it('knows no other challenge, and none of a verifier that was used or is unknown', () => {
    expect(logins.take('login')).toBeUndefined();
    logins.redirected('other', 'consent');
    expect(logins.take('consent')).toBeUndefined();
    logins.redirected('verifier', 'consent');
    logins.redirected('verifier', 'second');
    expect(logins.take('second')).toBeUndefined();
  });

  it('forgets a login whose browser is slow', () => {
    const now = vi.spyOn(performance, 'now');
    try {
      now.mockReturnValue(1_000_000);
      logins.accepted('https://auth.example.test/?login_verifier=slow', login);
      logins.redirected('slow', 'consent');
      now.mockReturnValue(1_000_000 + 31_000);
      expect(logins.take('consent')).toBeUndefined();
    } finally {
      now.mockRestore();
    }
  });
});
