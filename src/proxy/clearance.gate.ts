import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountOwnership } from '../auth/account-ownership.service.js';
import type { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { type KratosSession, toProviderIdentity } from '../kratos/kratos.session.js';
import type { ProviderIdentity } from '../users/identity.js';
import { withdraw } from './answer.withdrawal.js';
import { cookieAfter } from './cookie.after.js';
import { sessionSetBy } from './ory.limits.js';
import { readSubmittedForm } from './submitted.form.js';

/** Where Kratos begins a session by credentials that the account may have lost meanwhile. */
const logins = /^\/self-service\/(?:login$|methods\/oidc\/callback)/;

/** A request that is under way at Kratos. */
interface Passage {
  /** Milliseconds since the epoch: what the account was cleared of after that, the request may have used or set. */
  readonly begunAt: number;
  /** In which session settings are changed; nothing for a login. */
  readonly session: KratosSession | undefined;
}

export interface ClearanceGateParts {
  readonly kratos: KratosClient;
  readonly ownership: AccountOwnership;
  readonly clock: Clock;
}

/**
 * Refuses what has begun at Kratos before an account was cleared for its owner, and ends after it (docs/adr/0023). Kratos checks a
 * password first and begins the session later: a login that was under way would outlive the password, and the end of all sessions.
 */
export class ClearanceGate {
  readonly #parts: ClearanceGateParts;
  readonly #passages = new WeakMap<FastifyRequest, Passage>();

  constructor(parts: ClearanceGateParts) {
    this.#parts = parts;
  }

  /** Before a request goes to Kratos. @param path after the prefix. */
  async admit(request: FastifyRequest, path: string): Promise<void> {
    const { kratos, clock } = this.#parts;
    const begunAt = clock.now();
    if (logins.test(path)) {
      this.#passages.set(request, { begunAt, session: undefined });
    } else if (path === '/self-service/settings') {
      const whoami = await kratos.whoami(request.headers.cookie);
      if (whoami.state === 'live') {
        this.#passages.set(request, { begunAt, session: whoami.session });
      }
    }
  }

  /** After Kratos has answered, before its answer goes on. @throws {Problem} `unauthenticated` */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const passage = this.#passages.get(request);
    this.#passages.delete(request);
    if (passage === undefined || !(await this.#parts.ownership.hasClearings(passage.begunAt))) {
      return;
    }
    try {
      await (passage.session === undefined
        ? this.#settleLogin(request, reply, passage.begunAt)
        : this.#settleChange(passage.session, passage.begunAt));
    } catch (error) {
      withdraw(reply);
      throw error;
    }
  }

  async #settleLogin(request: FastifyRequest, reply: FastifyReply, begunAt: number): Promise<void> {
    if (sessionSetBy(reply) === undefined) {
      return;
    }
    const { kratos, ownership } = this.#parts;
    const whoami = await kratos.whoami(cookieAfter(request, reply));
    const session = whoami.state === 'live' ? whoami.session : undefined;
    const identity =
      session === undefined ? await this.#named(request) : toProviderIdentity(session.identity);
    if (identity === undefined || !(await ownership.isOutdated(identity, begunAt, session?.id))) {
      return;
    }
    if (session !== undefined) {
      await kratos.revokeSession(session.id);
    }
    throw new Problem('unauthenticated', { reason: 'login_before_clearance' });
  }

  /** What was changed may be a password: the account is no more its owner's alone. */
  async #settleChange({ id, identity: changed }: KratosSession, begunAt: number): Promise<void> {
    const { ownership } = this.#parts;
    const identity = toProviderIdentity(changed);
    if (await ownership.isOutdated(identity, begunAt, id)) {
      await ownership.reopen(identity);
      throw new Problem('unauthenticated', { reason: 'change_before_clearance' });
    }
  }

  /** The identity that the form names, where its session still owes a second factor. */
  async #named(request: FastifyRequest): Promise<ProviderIdentity | undefined> {
    const { account } = await readSubmittedForm(request);
    const found = account === undefined ? undefined : await this.#parts.kratos.findIdentityByEmail(account);
    return found === undefined ? undefined : toProviderIdentity(found);
  }
}
