import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../platform/errors/problem.error.js';
import { replyOf, requestOf } from '../../platform/http/http-context.js';
import { RateLimits, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import { ACCESS, type Access } from './access.decorators.js';
import { type Principal, setPrincipal } from '../principal.js';
import { type Authenticated, RequestAuthenticator } from './request-authenticator.js';
import { type PartialGuard, perRoute } from './route-metadata.js';

/** Refusals of credentials that were valid once: a program that keeps sending one isn't guessing. */
const wasGood = new Set(['token_expired', 'token_stale', 'session_ended', 'api_key_over']);

/** Closes every route that isn't `@Public()` or `@OptionalSession()`. */
@Injectable()
export class SessionGuard implements PartialGuard {
  readonly #accessOf: (context: ExecutionContext) => Access | undefined;

  constructor(
    reflector: Reflector,
    private readonly authenticator: RequestAuthenticator,
    private readonly limits: RateLimits,
    private readonly telemetry: Telemetry,
  ) {
    this.#accessOf = perRoute((places) => reflector.getAllAndOverride<Access | undefined>(ACCESS, places));
  }

  isNeeded(context: ExecutionContext): boolean {
    return this.#accessOf(context) !== 'public';
  }

  /** @returns synchronously unless something has to be awaited, which is rare. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.#accessOf(context);
    const request = requestOf(context);
    const reply = replyOf(context);
    try {
      const found = this.authenticator.authenticate(request, reply);
      return found instanceof Promise
        ? found.then(
            (authenticated) => this.#admit(request, authenticated),
            (error: unknown) => this.#refuse(error, access, request, reply),
          )
        : this.#admit(request, found);
    } catch (error) {
      return this.#refuse(error, access, request, reply);
    }
  }

  #admit(request: FastifyRequest, { principal, cache }: Authenticated): true {
    this.telemetry.recorder.verified(principal.credential, cache, 'ok');
    setPrincipal(request, principal);
    return true;
  }

  async #refuse(
    error: unknown,
    access: Access | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<boolean> {
    const sent = credentialIn(request);
    if (sent !== undefined) {
      this.telemetry.recorder.verified(sent, 'miss', 'refused');
    }
    // A badly sent credential is refused on every route that looks for one, above all a credential in the URL.
    if (access !== 'optional' || (error instanceof Problem && error.code === 'malformed_request')) {
      await this.#countRefused(error, request, reply);
      throw error;
    }
    request.log.debug({ reason: error instanceof Problem ? error.reason : 'unknown' }, 'no session');
    return true;
  }

  /**
   * Counts refused bearer tokens and API keys by address. A valid one never gets here, whatever the count.
   * @throws {Problem} `rate_limited` instead of `unauthenticated` when there were too many.
   */
  async #countRefused(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const isCredential =
      request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
    const isRefused = error instanceof Problem && error.code === 'unauthenticated';
    if (isCredential && isRefused && !wasGood.has(error.reason ?? '')) {
      await this.limits.take(reply, [addressCheck(request, 'credential-address', 'keep')]);
    }
  }
}

/** The kind of credential in a request that was refused. */
function credentialIn({ headers }: FastifyRequest): Principal['credential'] | undefined {
  if (headers['x-api-key'] !== undefined) {
    return 'api_key';
  }
  return headers.authorization !== undefined ? 'bearer' : headers.cookie === undefined ? undefined : 'cookie';
}
