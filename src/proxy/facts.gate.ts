import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountFacts, AskedPerson } from '../auth/account-facts.service.js';
import { originOf } from '../auth/request.origin.js';
import { Problem } from '../core/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { toProviderIdentity } from '../kratos/kratos.session.js';
import type { RequestAuthenticator } from '../session/request.authenticator.js';
import { cookieAfter } from './cookie.after.js';

/** Where Kratos takes what may change an identity, or shows that its address is verified. By GET where a login came in between. */
const paths: ReadonlySet<string> = new Set([
  '/self-service/settings',
  '/self-service/verification',
  '/self-service/recovery',
]);

/** A request that was passed on. */
export interface PassedForm {
  /** After the prefix. */
  readonly path: string;
  /** Whether Kratos has ended the person's other sessions with it: ours learn of that at their next request. */
  readonly endsOthers: boolean;
}

/** Parts that the gate is made with. */
export interface FactsGateParts {
  readonly kratos: KratosClient;
  readonly facts: AccountFacts;
  readonly authenticator: RequestAuthenticator;
}

/**
 * Has what people change at Kratos hold here before the browser learns that it has worked: the user follows the identity, tokens that say
 * otherwise become stale on every replica, and the answer carries a new session cookie, which no replica has to be told of.
 */
export class FactsGate {
  readonly #logger = new Logger(FactsGate.name);
  readonly #parts: FactsGateParts;

  constructor(parts: FactsGateParts) {
    this.#parts = parts;
  }

  /** After Kratos has answered, before its answer goes on. Never rejects: renewals make up for it. */
  async settle(
    request: FastifyRequest,
    reply: FastifyReply,
    { path, endsOthers }: PassedForm,
  ): Promise<void> {
    if (!paths.has(path) || reply.statusCode >= 400) {
      return;
    }
    try {
      const cookie = cookieAfter(request, reply);
      const person = await this.#parts.facts.followNow(() => this.#ask(cookie), originOf(request));
      if (endsOthers && person !== undefined) {
        await this.#parts.facts.askAgain(person);
      }
      await this.#renewCookie(request, reply);
    } catch (error) {
      this.#logger.warn('what a person changed could not be taken over', {
        reason: 'facts_not_followed',
        err: error,
      });
    }
  }

  async #ask(cookie: string): Promise<AskedPerson | undefined> {
    const whoami = await this.#parts.kratos.whoami(cookie);
    return whoami.state === 'live'
      ? {
          identity: toProviderIdentity(whoami.session.identity),
          login: { providerSession: whoami.session.id },
        }
      : undefined;
  }

  /** Sets a new cookie where the one that came has become stale; a browser without a session gets none. */
  async #renewCookie(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    try {
      await this.#parts.authenticator.authenticate(request, reply);
    } catch (error) {
      if (!(error instanceof Problem) || error.definition.status >= 500) {
        throw error;
      }
    }
  }
}
