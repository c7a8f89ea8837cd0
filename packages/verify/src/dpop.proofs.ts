import { type JWK, calculateJwkThumbprint, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { BoundedMap } from './bounded.map.js';
import type { ProvenRequest } from './request.credential.js';

/** The algorithms of proofs. */
export const proofAlgorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'RS256'] as const;

const longestProof = 8192;
const longestId = 200;
/** Seconds by which the time of a proof may differ from this clock. */
const tolerance = 60;
/** Proofs that are remembered: more than a service can be sent in two minutes by clients that have good tokens. */
const remembered = 100_000;
/** Members of a key that only its owner may know (RFC 7518 section 6). */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const encoder = new TextEncoder();

/** Why a proof isn't accepted. */
export class ProofError extends Error {
  override readonly name = 'ProofError';

  constructor(
    /** Reason id for the log, snake_case. */
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** Verifies that who sends a token has the key that it is bound to (DPoP, RFC 9449 section 4.3). */
export class DpopProofs {
  readonly #base: string;
  readonly #used = new BoundedMap<true>(remembered);

  /** @param url under which clients reach the service; their paths follow its own. @throws {TypeError} for another value. */
  constructor(url: string) {
    const base = URL.canParse(url) ? new URL(url) : undefined;
    if (base === undefined || !/^https?:$/.test(base.protocol) || base.search !== '' || base.hash !== '') {
      throw new TypeError(
        'dpop: set the URL under which clients reach this service, https://api.example.org',
      );
    }
    this.#base = base.origin + base.pathname.replace(/\/$/, '');
  }

  /**
   * Requires a proof of the token's key that is for this request, and that hasn't been used here.
   * @param jkt thumbprint of the key. @param now in seconds since the epoch. @throws {ProofError}
   */
  async require(
    { proof, method, path }: ProvenRequest,
    token: string,
    jkt: string,
    now: number,
  ): Promise<void> {
    if (typeof proof !== 'string' || proof === '' || proof.length > longestProof) {
      throw new ProofError(proof === undefined ? 'proof_missing' : 'proof_malformed');
    }
    const { key, claims } = await read(proof);
    if ((await calculateJwkThumbprint(key)) !== jkt) {
      throw new ProofError('proof_of_other_key');
    }
    const { jti, iat, htm, htu, ath } = claims;
    if (ath !== (await digestOf(token))) {
      throw new ProofError('proof_of_other_token');
    }
    const address = typeof htu === 'string' ? addressOf(htu) : undefined;
    const own = addressOf(this.#base + path);
    // A path with dots in it may lead out of the service's own.
    const isBelow = own === this.#base || own?.startsWith(`${this.#base}/`) === true;
    if (htm !== method || address === undefined || address !== own || !isBelow) {
      throw new ProofError('proof_of_other_request');
    }
    if (typeof iat !== 'number' || Math.abs(now - iat) > tolerance) {
      throw new ProofError('proof_too_old');
    }
    if (typeof jti !== 'string' || jti === '' || jti.length > longestId) {
      throw new ProofError('proof_malformed');
    }
    const id = `${jkt} ${jti}`;
    if (this.#used.has(id)) {
      throw new ProofError('proof_used');
    }
    this.#used.set(id, true);
  }
}

/** The key of a proof, and what it signs. @throws {ProofError} */
async function read(proof: string): Promise<{ key: JWK; claims: Readonly<Record<string, unknown>> }> {
  try {
    const { alg = '', jwk: key, typ } = decodeProtectedHeader(proof);
    const isRight =
      typ === 'dpop+jwt' &&
      proofAlgorithms.some((known) => known === alg) &&
      key !== undefined &&
      privateMembers.every((name) => !(name in key));
    if (isRight) {
      const { payload } = await jwtVerify(proof, await importJWK(key, alg), { algorithms: [alg] });
      return { key, claims: payload };
    }
  } catch {
    // As any other that can't be read.
  }
  throw new ProofError('proof_malformed');
}

/** A URL without query and fragment, in the one spelling of a parsed URL; undefined for what is none. */
function addressOf(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed && parsed.origin + parsed.pathname;
}

/** SHA-256 of a text, in base64url. */
async function digestOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '');
}
