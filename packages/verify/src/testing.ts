/** The entry point for tests of a service, `@vestibule-auth/verify/testing`: an issuer that needs no gateway and no network. */
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { makeApiKey } from './api.key.js';
import type { Claims } from './claims.js';
import type { VerifierOptions } from './verifier.js';

/** Makes tokens as a gateway does, with a key of its own. */
export interface TestIssuer {
  /** The options with which a verifier accepts this issuer's tokens. */
  readonly options: Pick<VerifierOptions, 'issuer' | 'fetch'> & { readonly audience: string };
  /** The public key, as `/.well-known/jwks.json` of a gateway has it. Serve it where a test's service reads it over HTTP. */
  readonly jwks: { readonly keys: readonly object[] };
  /**
   * A token of a user who is logged in and may do everything that a user may: verified address, scope `api`, no role.
   * @param claims what differs, for example `{ roles: ['admin'] }` or `{ exp: 0 }`.
   */
  token(claims?: Partial<Claims>): Promise<string>;
  /** An API key, which a verifier with these options and `apiKeys` takes. @param claims what differs, as of {@link token}. */
  apiKey(claims?: Partial<Claims>): string;
}

/** Seconds for which a token lives. */
const life = 600;

/** Makes an issuer. @param issuer its origin; unless it is stated, one that doesn't exist. @param audience by default the issuer. */
export async function createTestIssuer({
  issuer = 'https://auth.example.test',
  audience = issuer,
}: { readonly issuer?: string; readonly audience?: string } = {}): Promise<TestIssuer> {
  const alg = 'ES256';
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const kid = crypto.randomUUID();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }] };
  const token = async (claims: Partial<Claims> = {}): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: issuer,
      aud: audience,
      sub: crypto.randomUUID(),
      sid: crypto.randomUUID(),
      jti: crypto.randomUUID(),
      iat: now,
      nbf: now,
      exp: now + life,
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
  };
  const keys = new Map<string, Partial<Claims>>();
  const exchange = async (form: URLSearchParams): Promise<Response> => {
    const claims = keys.get(form.get('subject_token') ?? '');
    return claims === undefined
      ? Response.json({ error: 'invalid_request' }, { status: 400 })
      : Response.json({ access_token: await token(claims), expires_in: life });
  };
  return {
    options: {
      issuer,
      audience,
      fetch: async (_input, init) =>
        init?.method === 'POST' ? exchange(new URLSearchParams(String(init.body))) : Response.json(jwks),
    },
    jwks,
    token,
    apiKey: (claims = {}) => {
      // The version of the ids that a gateway makes.
      const id = crypto.randomUUID().replace(/(?<=^.{14})4/, '7');
      const key = makeApiKey(id);
      keys.set(key, {
        sid: id,
        client_id: 'api-key',
        amr: ['api_key'],
        auth_time: 0,
        ...claims,
      });
      return key;
    },
  };
}
