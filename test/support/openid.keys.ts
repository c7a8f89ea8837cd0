import { randomBytes } from 'node:crypto';
import { type CryptoKey, decodeJwt, decodeProtectedHeader, exportJWK, type JWTPayload, SignJWT } from 'jose';
import type { JWK } from 'oidc-provider';
import { foreignRsaKeys, takeRsaKeys } from './rsa.keys.js';
import { encode } from './token.forge.js';

/** What can be wrong with an ID token. */
export type IdTokenFault = 'alg-none' | 'bad-signature' | 'unknown-kid';

/** The provider's RSA key, and another one that nobody knows. */
export interface OpenIdKeys {
  readonly jwk: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
  /** Signs claims as the provider would. @param kid of the header. */
  sign(claims: JWTPayload, kid?: string): Promise<string>;
  /** Signs with the key that isn't in the key set. @param kid that the header claims. */
  forge(claims: JWTPayload, kid?: string): Promise<string>;
  /** The same ID token with one thing wrong with it. */
  tamper(idToken: string, fault: IdTokenFault): Promise<string>;
}

/** Makes keys for one provider. */
export async function makeOpenIdKeys(): Promise<OpenIdKeys> {
  const own = await takeRsaKeys();
  const foreign = await foreignRsaKeys();
  const ownKid = randomBytes(8).toString('hex');
  const { kty, n, e, d, p, q, dp, dq, qi } = await exportJWK(own.privateKey);
  const signWith = async (key: CryptoKey, claims: JWTPayload, kid: string): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(key);
  const keys: OpenIdKeys = {
    jwk: {
      kty: kty ?? 'RSA',
      kid: ownKid,
      use: 'sig',
      alg: 'RS256',
      ...defined({ n, e, d, p, q, dp, dq, qi }),
    },
    publicKey: own.publicKey,
    privateKey: own.privateKey,
    sign: (claims, kid = ownKid) => signWith(own.privateKey, claims, kid),
    forge: (claims, kid = ownKid) => signWith(foreign.privateKey, claims, kid),
    tamper: async (idToken, fault) => {
      const claims = decodeJwt(idToken);
      switch (fault) {
        case 'alg-none':
          return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
        case 'bad-signature':
          return keys.forge(claims, decodeProtectedHeader(idToken).kid);
        case 'unknown-kid':
          return keys.forge(claims, randomBytes(8).toString('hex'));
      }
    },
  };
  return keys;
}

function defined(members: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
