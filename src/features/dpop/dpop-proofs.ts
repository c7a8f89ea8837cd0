import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { calculateJwkThumbprint, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { z } from 'zod';
import { assertionAlgorithms, embeddedKeySchema } from '../../auth-strategy/public-keys.js';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import { originalRequest, pathPrefix } from '../../platform/http/original-request.js';
import { pathOf } from '../../platform/http/request-path.js';
import { Clock } from '../../platform/time/clock.service.js';
import { UsedTokenRepository } from '../../session/store/used-token.repository.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import type { ProofVerifier } from '../../session/tokens/proofs-of-possession.js';
import { DpopNonces } from './dpop-nonces.js';
import { dpopSettings } from './dpop.settings.js';

const longestProof = 8192;
/** Seconds by which the time of a proof without a nonce may differ from this clock. */
const tolerance = 60;
/** Seconds for which a used proof is known: longer than any is good for. */
const kept = 300;
/** The paths at which clients show their key to get tokens: the gateway's own endpoint passes requests on to that of Hydra. */
const tokenPaths = ['/auth/token', '/ory/hydra/oauth2/token', '/ory/hydra/oauth2/par'];

const headerSchema = z.looseObject({
  typ: z.literal('dpop+jwt'),
  alg: z.enum(assertionAlgorithms),
  jwk: embeddedKeySchema,
});
const claimsSchema = z.looseObject({
  jti: z.string().min(1).max(200),
  htm: z.string(),
  htu: z.string().max(2000),
  iat: z.number(),
  ath: z.string().optional(),
  nonce: z.string().optional(),
});

/** A proof whose signature is right, and the thumbprint of its key. */
interface Proof extends z.output<typeof claimsSchema> {
  readonly jkt: string;
}

/** Why a proof isn't accepted, snake_case. */
class ProofRefusal extends Error {
  override readonly name = 'ProofRefusal';
}

/** Verifies DPoP proofs (RFC 9449 section 4.3). Each is good once, on all replicas. */
@Injectable()
export class DpopProofs implements ProofVerifier {
  readonly algorithms = assertionAlgorithms;
  readonly #origin: string;
  readonly #audiences: ReadonlySet<string>;

  constructor(
    private readonly nonces: DpopNonces,
    private readonly used: UsedTokenRepository,
    private readonly limits: RateLimits,
    private readonly clock: Clock,
    @Inject(dpopSettings.token) { DPOP_AUDIENCES }: SettingsOf<typeof dpopSettings>,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#origin = PUBLIC_URL;
    this.#audiences = new Set(DPOP_AUDIENCES);
  }

  binds(audience: string): boolean {
    return this.#audiences.has(audience);
  }

  async keyOf(request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> {
    if (request.headers['dpop'] === undefined) {
      return undefined;
    }
    void reply.header('dpop-nonce', this.nonces.current());
    try {
      const proof = await this.#read(request);
      if (!this.nonces.isGood(proof.nonce ?? '')) {
        // The way of every client that begins: no guess, as nothing has been looked up.
        this.limits.excuse(request);
        throw new OAuthError('use_dpop_nonce', 'make the proof with the nonce of this answer’s DPoP-Nonce');
      }
      return await this.#use(proof, request.method, tokenPaths);
    } catch (error) {
      if (!(error instanceof ProofRefusal)) {
        throw error;
      }
      throw new OAuthError('invalid_dpop_proof', 'the DPoP proof is not accepted', error.message);
    }
  }

  async require(request: FastifyRequest, token: string, jkt: string): Promise<void> {
    try {
      const proof = await this.#read(request);
      if (proof.jkt !== jkt) {
        throw new ProofRefusal('proof_of_other_key');
      }
      if (proof.ath !== createHash('sha256').update(token).digest('base64url')) {
        throw new ProofRefusal('proof_of_other_token');
      }
      if (Math.abs(this.clock.seconds() - proof.iat) > tolerance) {
        throw new ProofRefusal('proof_too_old');
      }
      const { method, path } = targetOf(request);
      await this.#use(proof, method, path === undefined ? [] : [path]);
    } catch (error) {
      if (!(error instanceof ProofRefusal)) {
        throw error;
      }
      throw new Problem('unauthenticated', {
        reason: error.message,
        headers: {
          'www-authenticate': `DPoP error="invalid_dpop_proof", algs="${assertionAlgorithms.join(' ')}"`,
        },
      });
    }
  }

  /** The proof of a request. @throws {ProofRefusal} */
  async #read({ headers: { dpop: sent } }: FastifyRequest): Promise<Proof> {
    if (typeof sent !== 'string' || sent.length > longestProof) {
      throw new ProofRefusal(sent === undefined ? 'proof_missing' : 'proof_malformed');
    }
    try {
      const { alg, jwk } = headerSchema.parse(decodeProtectedHeader(sent));
      const { payload } = await jwtVerify(sent, await importJWK(jwk, alg), {
        algorithms: [alg],
        currentDate: new Date(this.clock.now()),
      });
      return { ...claimsSchema.parse(payload), jkt: await calculateJwkThumbprint(jwk) };
    } catch {
      throw new ProofRefusal('proof_malformed');
    }
  }

  /** Uses a proof up. @param paths of which its address may have one. @returns its key. @throws {ProofRefusal} */
  async #use(
    { htm, htu, jti, jkt }: Proof,
    method: string | undefined,
    paths: readonly string[],
  ): Promise<string> {
    const address = addressOf(htu);
    const isFor = paths.some((path) => addressOf(`${this.#origin}${path}`) === address);
    if (htm !== method || address === undefined || !isFor) {
      throw new ProofRefusal('proof_of_other_request');
    }
    if (!(await this.used.use(`dpop ${jkt}`, jti, this.clock.now() + kept * 1000))) {
      throw new ProofRefusal('proof_used');
    }
    return jkt;
  }
}

/** A URL without query and fragment, in the one spelling of a parsed URL; undefined for what is none (RFC 9449 section 4.3). */
function addressOf(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed && `${parsed.origin}${parsed.pathname}`;
}

/** What a proof must be for: the request itself, or, where a proxy asks about another one, that. */
function targetOf(request: FastifyRequest): ReturnType<typeof originalRequest> {
  const own = { method: request.method, path: pathOf(request) };
  return `${own.path}/`.startsWith(pathPrefix) ? originalRequest(request) : own;
}
