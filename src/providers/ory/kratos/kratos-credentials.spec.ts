import { describe, expect, it } from 'vitest';
import { kratosCredentialsSchema } from './kratos-credentials.js';

describe('the credentials of an identity at Kratos', () => {
  it('an entry that the schema makes for a key method is no key', () => {
    const webauthn = { identifiers: ['ada@example.org'], config: { user_handle: 'x' } };
    const credentials = { password: { identifiers: ['ada@example.org'] }, webauthn, passkey: webauthn };
    expect(kratosCredentialsSchema.parse({ credentials })).toEqual({
      password: true,
      passkeys: false,
      secondFactors: [],
      linked: [],
    });
  });

  it('says every method, and a provider once', () => {
    const key = { config: { credentials: [{ id: 'AA==' }] } };
    const oidc = { identifiers: ['google:1', 'google:2', 'github:3'] };
    expect(
      kratosCredentialsSchema.parse({
        credentials: { lookup_secret: {}, totp: {}, webauthn: key, passkey: key, oidc },
      }),
    ).toEqual({
      password: false,
      passkeys: true,
      secondFactors: ['totp', 'webauthn', 'lookup_secret'],
      linked: ['google', 'github'],
    });
  });

  it('none are none', () => {
    expect(kratosCredentialsSchema.parse({ credentials: null })).toMatchObject({
      password: false,
      linked: [],
    });
  });
});
