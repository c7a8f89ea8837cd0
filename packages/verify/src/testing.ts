/** The entry point for tests of a service, `@vestibule-auth/verify/testing`: an issuer that needs no gateway and no network. */
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { Claims } from './claims.js';
import type { VerifierOptions } from './verifier.js';

/** Makes tokens as a gateway does, with a key of its own. */
export interface TestIssuer {
  /** The options with which a verifier accepts this issuer's tokens. */
  readonly options: Pick<VerifierOptions, 'issuer' | 'audience' | 'fetch'>;
  /** The public key, as `/.well-known/jwks.json` of a gateway has it. Serve it where a test's service reads it over HTTP. */
  readonly jwks: { readonly keys: readonly object[] };
  /**
   * A token of a user who is logged in and may do everything that a user may: verified address, scope `api`, no role.
   * @param claims what differs, for example `{ roles: ['admin'] }` or `{ exp: 0 }`.
   */
  token(claims?: Partial<Claims>): Promise<string>;
}

/** Makes an issuer. @param issuer its origin; unless it is stated, one that doesn't exist. @param audience by default the issuer. */
export async function createTestIssuer({
  issuer = 'https://auth.example.test',
  audience = issuer,
}: Partial<Pick<VerifierOptions, 'issuer' | 'audience'>> = {}): Promise<TestIssuer> {
  const alg = 'ES256';
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const kid = crypto.randomUUID();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }] };
  return {
    options: { issuer, audience, fetch: async () => Response.json(jwks) },
    jwks,
    token: async (claims = {}) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({
        iss: issuer,
        aud: audience,
        sub: crypto.randomUUID(),
        sid: crypto.randomUUID(),
        jti: crypto.randomUUID(),
        iat: now,
        nbf: now,
        exp: now + 600,
        auth_time: now,
        amr: ['pwd'],
        acr: 'aal1',
        idp: 'ory',
        client_id: 'vestibule',
        scope: 'api',
        email: 'ada@example.test',
        email_verified: true,
        name: 'Ada Lovelace',
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'at+jwt', kid })
        .sign(privateKey);
    },
  };
}
