import { Inject, Injectable } from '@nestjs/common';
import { SignJWT, compactVerify, errors } from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { Clock } from '../../platform/time/clock.service.js';
import { timestampOf, newId, randomOf } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { type Claims, type KnownClaims, claimsSchema, parseClaims } from './claims.schema.js';
import type { DecryptedCookie } from '../cookie/decrypted-cookie.js';
import { SigningKeyRing, type VerificationKey } from './signing-key-ring.js';

const tokenType = 'at+jwt';
/** Seconds by which the clocks of replicas may differ: each may be off by half of it. */
const clockTolerance = 60;
/** Share of a token's life that is left when it counts as near its end, at least. */
const lastPart = 0.2;
/** Up to this share is added, depending on the token's random id: tokens minted together aren't renewed together. */
const chancePart = 0.2;
const maximumLength = 8192;
/** Three segments in base64url, each in its one spelling (RFC 7515 section 2): without padding, and no bits behind the last byte. */
const compactForm = /^(?:(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048]|[\w-]{4})(?:\.(?!$)|$)){3}$/;
/** Our tokens have exactly these three header members: `jwk`, `jku`, `x5u` and `crit` are never read. */
const headerSchema = z.strictObject({ alg: z.string(), typ: z.literal(tokenType), kid: z.string().max(128) });

/** The subject of a mint; the other claims follow from the configuration and the clock. */
export type TokenSubject = Omit<KnownClaims, 'iss' | 'aud' | 'iat' | 'nbf' | 'exp'>;

/** A token of this deployment with valid claims; `expired` if only its time has passed. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly expired: boolean;
  /** The key that signed it. */
  readonly kid: string;
}

/** The time at which a second factor is due, in seconds since the epoch: a token that was minted before ends then. */
function deadlineIn({ second_factor: demand }: TokenSubject): number {
  return demand === undefined || demand.missing !== undefined ? Number.POSITIVE_INFINITY : demand.due;
}

/** Mints and verifies augmented tokens (RFC 9068, RFC 8725). */
@Injectable()
export class TokenService {
  readonly #issuer: string;
  readonly #audience: string;
  readonly #ttl: number;
  readonly #provider: Claims['idp'];
  /** Encoded protected headers that {@link mint} writes, each with its key: other headers are parsed. One for each key. */
  readonly #headers = new Map<string, string>();

  constructor(
    private readonly keys: SigningKeyRing,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#issuer = configuration.PUBLIC_URL;
    this.#audience = configuration.TOKEN_AUDIENCE;
    this.#ttl = configuration.TOKEN_TTL;
    this.#provider = configuration.AUTH_PROVIDER;
  }

  /**
   * Signs a new token for `TOKEN_TTL` seconds.
   * @param subject its `jti` holds when the claims were read, and the new token's does too: a later change makes the token outdated.
   * @param latest end in seconds since the epoch of what the claims come from: no token outlives it.
   * @param audience `TOKEN_AUDIENCE`, unless the token is for a host of applications.
   */
  async mint(
    subject: TokenSubject & Readonly<Record<string, unknown>>,
    latest = Number.POSITIVE_INFINITY,
    audience = this.#audience,
  ): Promise<{ token: string; claims: Claims }> {
    const now = this.clock.seconds();
    // A minted payload has the form of claims: cookies are encrypted with that statement (docs/adr/0020).
    const claims = claimsSchema.parse({
      ...subject,
      iss: this.#issuer,
      aud: audience,
      jti: newId(timestampOf(subject.jti)),
      iat: now,
      nbf: now,
      exp: Math.min(now + this.#ttl, latest, deadlineIn(subject)),
    });
    const { kid, alg, key } = this.keys.signing();
    const token = await new SignJWT(claims).setProtectedHeader({ alg, typ: tokenType, kid }).sign(key);
    return { token, claims };
  }

  /**
   * Verifies signature, type, issuer, audience, times and shape, without a round trip.
   * @param audience `TOKEN_AUDIENCE`, unless the token is used at a host of applications.
   * @throws {Problem} `unauthenticated` with a reason for the log.
   */
  async verify(token: string, audience = this.#audience): Promise<VerifiedToken> {
    if (token.length > maximumLength || !compactForm.test(token)) {
      throw rejected('token_malformed');
    }
    const key = await this.#keyNamedIn(token.slice(0, token.indexOf('.')));
    try {
      await compactVerify(token, key.key, { algorithms: [key.alg] });
    } catch (error) {
      throw rejected(reasonOf(error), error);
    }
    const payload = payloadOf(token);
    const value = parseJson(payload);
    // Minted tokens come from JSON.stringify: any other text, for example with a claim given twice, isn't ours.
    if (payload !== JSON.stringify(value)) {
      throw rejected('token_claims');
    }
    const verified = this.#checkClaims(parseClaims(value), key.kid, audience);
    if (this.#isEarly(verified.claims)) {
      throw rejected('token_claim_nbf');
    }
    return verified;
  }

  /**
   * Verifies a token from our own cookie. Only a holder of the deployment's secrets can have encrypted it, and the gateway encrypts
   * only what it has just minted: the signature proves nothing more (docs/adr/0015). Claims that were parsed by this schema then
   * aren't parsed again (docs/adr/0020). The token's key must still be one that verifies. A token from the future, minted before
   * the clock was set back, counts as expired: its session can be renewed.
   * @param audience as {@link verify} takes it.
   * @returns synchronously, unless its key is not known yet.
   * @throws {Problem} `unauthenticated` with a reason for the log.
   */
  verifyOpened(opened: DecryptedCookie, audience = this.#audience): VerifiedToken | Promise<VerifiedToken> {
    const key = this.#keyNamedIn(opened.header);
    return key instanceof Promise
      ? key.then(({ kid }) => this.#readOpened(opened, kid, audience))
      : this.#readOpened(opened, key.kid, audience);
  }

  /** Whether a token is for this audience. @param audience as {@link verify} takes it. */
  isFor({ aud }: Claims, audience = this.#audience): boolean {
    return aud === audience;
  }

  /** Whether tokens that this key signed are accepted. */
  isKeyGood(kid: string): boolean {
    return this.keys.find(kid) !== undefined;
  }

  /** Whether a live token should soon be replaced by a new one. */
  isNearEnd(claims: Claims): boolean {
    return this.clock.seconds() >= this.renewableFrom(claims);
  }

  /** When a token counts as near its end, in seconds since the epoch. */
  renewableFrom({ exp, jti }: Claims): number {
    const chance = randomOf(jti) / 2 ** 32;
    return exp - this.#ttl * (lastPart + chancePart * chance);
  }

  /** The seconds since the epoch between which a token with these claims is live, by the clock of any replica. */
  lifeOf({ nbf, iat, exp }: Claims): { readonly from: number; readonly until: number } {
    // Also for tokens that were minted when TOKEN_TTL was longer: revocations are kept only this long.
    const until = Math.min(exp, iat + this.#ttl + 1);
    return { from: Math.max(nbf, iat) - clockTolerance, until: until + clockTolerance };
  }

  /** The key that a token's protected header names. @returns synchronously, unless another replica may have created it just now. */
  #keyNamedIn(segment: string): VerificationKey | Promise<VerificationKey> {
    const kid = this.#headers.get(segment);
    const key = kid === undefined ? undefined : this.keys.find(kid);
    return key ?? this.#learnKey(segment);
  }

  async #learnKey(segment: string): Promise<VerificationKey> {
    const { alg, kid } = parseHeader(segment);
    const key = this.keys.find(kid) ?? (await this.keys.learn(kid));
    if (key?.alg !== alg) {
      throw rejected('token_key_unknown');
    }
    if (segment === encodeSegment({ alg, typ: tokenType, kid })) {
      this.#headers.set(segment, kid);
    }
    return key;
  }

  #readOpened({ form, payload }: DecryptedCookie, kid: string, audience: string): VerifiedToken {
    const verified = this.#checkClaims(parseClaims(parseJson(payload), form), kid, audience);
    return verified.expired || !this.#isEarly(verified.claims) ? verified : { ...verified, expired: true };
  }

  #checkClaims(claims: Claims | undefined, kid: string, audience: string): VerifiedToken {
    if (claims === undefined) {
      throw rejected('token_claims');
    }
    if (claims.iss !== this.#issuer) {
      throw rejected('token_claim_iss');
    }
    if (!this.isFor(claims, audience)) {
      throw rejected('token_claim_aud');
    }
    // Sessions of another provider end when the deployment switches providers: that provider can no longer be asked about them.
    if (claims.idp !== this.#provider) {
      throw rejected('token_of_other_provider');
    }
    return { claims, expired: this.clock.seconds() >= this.lifeOf(claims).until, kid };
  }

  #isEarly(claims: Claims): boolean {
    return this.clock.seconds() < this.lifeOf(claims).from;
  }
}

function parseHeader(segment: string): z.output<typeof headerSchema> {
  const header = headerSchema.safeParse(parseJson(decodeSegment(segment)));
  if (!header.success) {
    throw rejected('token_header');
  }
  return header.data;
}

function encodeSegment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The decoded middle segment. */
function payloadOf(token: string): string {
  return decodeSegment(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')));
}

function decodeSegment(segment: string): string {
  return Buffer.from(segment, 'base64url').toString('utf8');
}

function reasonOf(error: unknown): string {
  return error instanceof errors.JWSSignatureVerificationFailed ? 'token_signature' : 'token_invalid';
}

function rejected(reason: string, cause?: unknown): Problem {
  return new Problem('unauthenticated', { reason, cause });
}
