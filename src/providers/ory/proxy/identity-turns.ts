import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import { libraryTimeout } from '../../../platform/upstream/vendor-call.js';
import type { IdentityLocks } from '../kratos/identity-locks.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { SessionQuestions } from '../kratos/session-questions.js';
import type { Exchange } from './exchange.js';
import { holderOfSession, identityOf } from './session-account.js';
import type { PasswordUpgrades } from './password-upgrades.js';
import { readSubmittedForm } from './submitted.form.js';
import { awaitBody } from './whole-body.js';

/** Requests that change the identity of their session: the forms of the settings, and what a third-party login links. */
const changing = /^\/self-service\/(?:settings|methods\/oidc\/callback(?:\/[^/]+)?)$/;

/** A change, and the session or form that it comes from: however many come from one, they keep nobody else waiting. */
interface Change {
  readonly identity: string;
  readonly source: string;
}

/**
 * The turns of requests that change an identity at Kratos: one at a time for each identity, and none beside a change by the gateway. A turn
 * begins before the state of the account is read to be compared, and lasts until it is read after Kratos' answer, also if the caller leaves.
 */
export class IdentityTurns {
  constructor(
    private readonly locks: IdentityLocks,
    private readonly kratos: KratosClient,
    private readonly questions: SessionQuestions,
    private readonly upgrades: PasswordUpgrades,
  ) {}

  /** Waits for a turn, whose end it leaves in the exchange. @throws {Problem} `overloaded` if it doesn't come, `provider_unavailable` */
  async enter(exchange: Exchange): Promise<void> {
    const change = await this.#changeOf(exchange);
    if (change === undefined) {
      return;
    }
    const { request, reply } = exchange;
    await awaitBody(request);
    const release = await this.locks.hold(change.identity, change.source);
    exchange.endTurn = release;
    if (reply.raw.destroyed) {
      release();
      return;
    }
    // An answer that nothing sends ends it too, when none can come any more.
    reply.raw.once('close', () => setTimeout(release, libraryTimeout).unref());
  }

  /** What a request changes; undefined for nothing, as without a session. @throws {Problem} `malformed_request` */
  async #changeOf({ request, path, session: sessionOf }: Exchange): Promise<Change | undefined> {
    if (changing.test(path)) {
      const session = await sessionOf();
      return session === undefined ? undefined : { identity: session.identity.id, source: session.id };
    }
    return request.method === 'POST' && path === '/self-service/login'
      ? this.#changeByLogin(request)
      : undefined;
  }

  async #changeByLogin(request: FastifyRequest): Promise<Change | undefined> {
    const { account, methods } = await readSubmittedForm(request);
    if (methods.has('lookup_secret') && methods.has('password')) {
      // Which of them Kratos takes depends on the flow: it would write an identity whose turn this isn't.
      throw new Problem('malformed_request', { detail: 'Send one credential.', reason: 'two_credentials' });
    }
    if (methods.has('lookup_secret')) {
      // The code is used up. Whose it is, only a Kratos tells that may ask the gateway (OAUTH2_PROVIDER_URL).
      const holder = await holderOfSession(this.kratos, this.questions, request.headers.cookie);
      return changeOf(identityOf(holder), 'backup-code');
    }
    return methods.has('password') && account !== undefined
      ? changeOf(await this.upgrades.identityOf(account), 'password')
      : undefined;
  }
}

function changeOf(identity: string | undefined, source: string): Change | undefined {
  return identity === undefined ? undefined : { identity, source };
}
