import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountFacts, AskedPerson } from '../../../accounts/account-facts.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { toProviderIdentity } from '../kratos/kratos-session.js';
import type { RequestAuthenticator } from '../../../session/guards/request-authenticator.js';
import { cookieAfter } from './kratos-answer.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';
import type { SettingsChange } from './settings-change.js';

/** Paths of forms that may change an identity or verify its address; after a login in between, they are GETs. */
const paths: ReadonlySet<string> = new Set([
  '/self-service/settings',
  '/self-service/verification',
  '/self-service/recovery',
]);

/** A request that was passed on. */
export interface PassedForm {
  /** Path after the prefix. */
  readonly path: string;
  /** What it changed in the settings. With a new password, Kratos ended the person's other sessions; ours notice that at their next request. */
  readonly changes: readonly SettingsChange[];
}

/**
 * Applies changes that people make at Kratos before the browser learns that they succeeded. The user follows the identity, and
 * tokens that state otherwise become outdated on every replica. The answer carries a new session cookie, so no replica has to be
 * notified for it.
 */
export class FactsGate {
  readonly #logger = new Logger(FactsGate.name);

  constructor(
    private readonly kratos: KratosClient,
    private readonly facts: AccountFacts,
    private readonly authenticator: RequestAuthenticator,
  ) {}

  /** Call it before Kratos' answer is passed on. Never rejects: if it fails, renewals apply the change. */
  async settle(request: FastifyRequest, reply: FastifyReply, { path, changes }: PassedForm): Promise<void> {
    if (!paths.has(path) || (reply.statusCode >= 400 && changes.length === 0)) {
      return;
    }
    try {
      const cookie = cookieAfter(request, reply);
      const person = await this.facts.followNow(() => this.#ask(cookie), clientInfoOf(request));
      if (changes.includes('password') && person !== undefined) {
        await this.facts.askAgain(person);
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
    const session = await this.kratos.liveSession(cookie);
    return session === undefined
      ? undefined
      : { identity: toProviderIdentity(session.identity), login: { providerSession: session.id } };
  }

  /** Sets a new session cookie if the one in the request is outdated; a browser without a session gets none. */
  async #renewCookie(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    try {
      await this.authenticator.authenticate(request, reply);
    } catch (error) {
      if (!(error instanceof Problem) || error.definition.status >= 500) {
        throw error;
      }
    }
  }
}
