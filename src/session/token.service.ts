import { Inject, Injectable } from '@nestjs/common';
import { SignJWT, base64url, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import type { ExtraClaims } from './claims.mapper.js';
import { type Claims, type KnownClaims, claimsSchema } from './claims.schema.js';
import { SigningKeyRing, type VerificationKey } from './signing-key.ring.js';

const tokenType = 'at+jwt';
/** Seconds by which clocks of replicas may differ: each may be off by half of it. */
const clockTolerance = 60;
/** Part of a token's life that is left when it's near its end. */
const lastPart = 0.2;
const maximumLength = 8192;
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Our tokens have these three header members and no other: no `jwk`, `jku`, `x5u`, `crit` is ever looked at. */
const headerSchema = z.strictObject({ alg: z.string(), typ: z.literal(tokenType), kid: z.string().max(128) });

/** What a mint is told; the rest of the claims follow from the configuration and the clock. */
export type TokenSubject = Omit<KnownClaims, 'iss' | 'aud' | 'jti' | 'iat' | 'nbf' | 'exp'>;

/** A token whose signature and claims are right; `expired` when only its life is over. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly expired: boolean;
}

/** Mints and verifies augmented tokens (RFC 9068, RFC 8725). */
@Injectable()
export class TokenService {
  readonly #keys: SigningKeyRing;
  readonly #clock: Clock;
  readonly #issuer: string;
  readonly #audience: string;
  readonly #ttl: number;
  readonly #provider: Claims['idp'];

  constructor(keys: SigningKeyRing, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#keys = keys;
    this.#clock = clock;
    this.#issuer = configuration.PUBLIC_URL;
    this.#audience = configuration.TOKEN_AUDIENCE;
    this.#ttl = configuration.TOKEN_TTL;
    this.#provider = configuration.AUTH_PROVIDER;
  }

  /**
   * Signs a new token for `TOKEN_TTL` seconds.
   * @param latest end of the session, in seconds since the epoch: no token outlives it.
   */
  async mint(
    subject: TokenSubject,
    extra: ExtraClaims = {},
    latest = Number.POSITIVE_INFINITY,
  ): Promise<{ token: string; claims: Claims }> {
    return this.mintFrom({ ...extra, ...subject }, latest, this.#clock.now());
  }

  /**
   * Signs a new token that says what these claims say.
   * @param latest end in seconds since the epoch of what they come from: no token outlives it.
   * @param saidAt when what they say was read, in milliseconds: what has changed since makes the token stale.
   */
  async mintFrom(
    subject: TokenSubject & Readonly<Record<string, unknown>>,
    latest: number,
    saidAt: number,
  ): Promise<{ token: string; claims: Claims }> {
    const now = this.#clock.seconds();
    const claims: Claims = {
      ...subject,
      iss: this.#issuer,
      aud: this.#audience,
      jti: newId(saidAt),
      iat: now,
      nbf: now,
      exp: Math.min(now + this.#ttl, latest),
    };
    const { kid, alg, key } = this.#keys.signing();
    const token = await new SignJWT(claims).setProtectedHeader({ alg, typ: tokenType, kid }).sign(key);
    return { token, claims };
  }

  /**
   * Checks signature, type, issuer, audience, times and shape, without a round trip.
   * @throws {Problem} `unauthenticated` with a reason for the log.
   */
  async verify(token: string): Promise<VerifiedToken> {
    const key = await this.#keyFor(token);
    try {
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: [key.alg],
        typ: tokenType,
        issuer: this.#issuer,
        audience: this.#audience,
        requiredClaims: ['iss', 'aud', 'sub', 'exp', 'nbf', 'iat'],
        clockTolerance,
        // Also of tokens that were minted when TOKEN_TTL was longer: revocations are kept only this long.
        maxTokenAge: this.#ttl,
        currentDate: this.#clock.date(),
      });
      return { claims: this.#parseClaims(token, payload), expired: false };
    } catch (error) {
      if (error instanceof errors.JWTExpired && error.reason === 'check_failed') {
        return { claims: this.#parseClaims(token, error.payload), expired: true };
      }
      throw error instanceof Problem ? error : rejected(reasonOf(error), error);
    }
  }

  /** Whether a live token should be replaced by a new one soon. */
  isNearEnd(claims: Claims): boolean {
    return claims.exp - this.#clock.seconds() < this.#ttl * lastPart;
  }

  async #keyFor(token: string): Promise<VerificationKey> {
    if (token.length > maximumLength || !compactForm.test(token)) {
      throw rejected('token_malformed');
    }
    const header = headerSchema.safeParse(parseSegment(token, 0));
    if (!header.success) {
      throw rejected('token_header');
    }
    const { kid } = header.data;
    const key = this.#keys.find(kid) ?? (await this.#keys.learn(kid));
    if (key === undefined || key.alg !== header.data.alg) {
      throw rejected('token_key_unknown');
    }
    return key;
  }

  #parseClaims(token: string, payload: unknown): Claims {
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) {
      throw rejected('token_claims');
    }
    // Minted by JSON.stringify: anything else, for example a claim given twice, isn't from here.
    const text = new TextDecoder().decode(base64url.decode(token.split('.')[1] ?? ''));
    if (text !== JSON.stringify(payload)) {
      throw rejected('token_claims');
    }
    // Sessions of another provider end when the deployment changes over: nobody could ask that one about them.
    if (claims.data.idp !== this.#provider) {
      throw rejected('token_of_other_provider');
    }
    return claims.data;
  }
}

function parseSegment(token: string, index: number): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(base64url.decode(token.split('.')[index] ?? '')));
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `token_claim_${error.claim}`;
  }
  return error instanceof errors.JWSSignatureVerificationFailed ? 'token_signature' : 'token_invalid';
}

function rejected(reason: string, cause?: unknown): Problem {
  return new Problem('unauthenticated', { reason, cause });
}
