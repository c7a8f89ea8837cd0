import { createHash } from 'node:crypto';
import { type CryptoKey, type JWK, SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';

/** What a proof is for. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: string;
  /** The token that goes with it. */
  readonly token?: string;
  readonly nonce?: string;
  /** Claims that are otherwise; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header members that are otherwise. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A key of a client that makes DPoP proofs (RFC 9449 section 4.2), and those that a client wouldn't make. */
export class DpopKey {
  private constructor(
    readonly alg: string,
    readonly privateKey: CryptoKey,
    readonly publicJwk: JWK,
    readonly jkt: string,
  ) {}

  static async make(alg = 'ES256'): Promise<DpopKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(publicKey);
    return new DpopKey(alg, privateKey, jwk, await calculateJwkThumbprint(jwk));
  }

  async proof({ method, url, token, nonce, claims = {}, header = {} }: ProvenRequest): Promise<string> {
    const payload = {
      jti: crypto.randomUUID(),
      htm: method,
      htu: url,
      iat: Math.floor(Date.now() / 1000),
      ...(token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }),
      ...(nonce === undefined ? {} : { nonce }),
      ...claims,
    };
    return new SignJWT(payload)
      .setProtectedHeader({ alg: this.alg, typ: 'dpop+jwt', jwk: this.publicJwk, ...header })
      .sign(this.privateKey, { crit: { extension: true } });
  }
}
