import type { FastifyRequest } from 'fastify';
import { libraryTimeout } from '../../../platform/upstream/vendor-call.js';
import type { IdentityLocks, Release } from '../kratos/identity-locks.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { SessionQuestions } from '../kratos/session-questions.js';
import type { Exchange } from './exchange.js';
import { holderOfSession, identityOf } from './session-account.js';
import { readSubmittedForm } from './submitted.form.js';

/** Requests that change the identity of their session: the forms of the settings, and what a third-party login links. */
const changing = /^\/self-service\/(?:settings|methods\/oidc\/callback\/[^/]+)$/;

/**
 * The turns of requests that change an identity at Kratos: one at a time for each identity, and none beside a change by the gateway. A turn
 * lasts from before a request is passed on until Kratos has answered, also if the caller leaves.
 */
export class IdentityTurns {
  readonly #held = new WeakMap<FastifyRequest, Release>();

  constructor(
    private readonly locks: IdentityLocks,
    private readonly kratos: KratosClient,
    private readonly questions: SessionQuestions,
  ) {}

  /** Waits for a turn. @throws {Problem} `overloaded` if it doesn't come, `provider_unavailable` */
  async enter(exchange: Exchange): Promise<void> {
    const { request, reply } = exchange;
    const identity = await this.#identityOf(exchange);
    if (identity === undefined) {
      return;
    }
    const release = await this.locks.hold(identity);
    this.#held.set(request, release);
    if (reply.raw.destroyed) {
      release();
      return;
    }
    // An answer that nothing sends ends it too, when none can come any more.
    reply.raw.once('close', () => setTimeout(release, libraryTimeout).unref());
  }

  /** The identity that a request changes; undefined if it changes none, as without a session. */
  async #identityOf({ request, path, session }: Exchange): Promise<string | undefined> {
    if (changing.test(path)) {
      return (await session())?.identity.id;
    }
    // A login by a backup code uses it up.
    const hasCode =
      request.method === 'POST' &&
      path === '/self-service/login' &&
      (await readSubmittedForm(request)).methods.has('lookup_secret');
    return hasCode
      ? identityOf(await holderOfSession(this.kratos, this.questions, request.headers.cookie))
      : undefined;
  }

  /** Ends the turn of a request, when its answer is there or none will come. */
  leave(request: FastifyRequest): void {
    this.#held.get(request)?.();
  }
}
