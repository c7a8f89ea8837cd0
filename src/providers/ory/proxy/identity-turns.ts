import type { FastifyRequest } from 'fastify';
import { libraryTimeout } from '../../../platform/upstream/vendor-call.js';
import type { IdentityLocks, Release } from '../kratos/identity-locks.js';
import type { Exchange } from './exchange.js';

/** Requests that change the identity of their session: the forms of the settings, and what a third-party login links. */
const changing = /^\/self-service\/(?:settings|methods\/oidc\/callback\/[^/]+)$/;

/**
 * The turns of requests that change an identity at Kratos: one at a time for each identity, and none beside a change by the gateway. A turn
 * lasts from before a request is passed on until Kratos has answered, also if the caller leaves.
 */
export class IdentityTurns {
  readonly #held = new WeakMap<FastifyRequest, Release>();

  constructor(private readonly locks: IdentityLocks) {}

  /** Waits for a turn. @throws {Problem} `overloaded` if it doesn't come, `provider_unavailable` */
  async enter({ request, reply, path, session }: Exchange): Promise<void> {
    if (!changing.test(path)) {
      return;
    }
    const identity = (await session())?.identity.id;
    if (identity === undefined) {
      // Without a session, nothing is changed.
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

  /** Ends the turn of a request, when its answer is there or none will come. */
  leave(request: FastifyRequest): void {
    this.#held.get(request)?.();
  }
}
