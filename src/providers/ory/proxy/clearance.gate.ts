import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { type KratosSession, toProviderIdentity } from '../kratos/kratos-session.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { cookieAfter, sessionSetBy, withdraw } from './kratos-answer.js';
import type { SessionReader } from './exchange.js';
import { readSubmittedForm } from './submitted.form.js';

/** Where third parties send the browser after a login, which begins a session, or links the third party to the one that there is. */
const callbacks = /^\/self-service\/methods\/oidc\/callback/;

/** A request that Kratos is handling. */
interface Passage {
  /** Milliseconds since the epoch. If the account is cleared later, the request may have used or set what went. */
  readonly begunAt: number;
  /** The session in which settings may be changed; undefined for a login. */
  readonly session: KratosSession | undefined;
  /** Whether Kratos may begin a session, by credentials that the account may have lost in the meantime. */
  readonly mayLogIn: boolean;
  /** Whether the turn of a change has come: until then, nothing can be changed. */
  isInTurn: boolean;
}

/**
 * Refuses requests that began at Kratos before an account was cleared for its owner, and end after it (docs/adr/0023). Kratos
 * checks a password first and begins the session later. So a login in progress would outlive the password and the end of all
 * sessions.
 */
export class ClearanceGate {
  readonly #passages = new WeakMap<FastifyRequest, Passage>();

  constructor(
    private readonly kratos: KratosClient,
    private readonly ownership: AccountOwnership,
  ) {}

  /** Call it before a request goes to Kratos. @param path after the prefix. @param begunAt milliseconds, before anything was asked. */
  async admit(
    request: FastifyRequest,
    path: string,
    begunAt: number,
    sessionOf: SessionReader,
  ): Promise<void> {
    if (path === '/self-service/login') {
      this.#passages.set(request, { begunAt, session: undefined, mayLogIn: true, isInTurn: false });
    } else if (path === '/self-service/settings' || callbacks.test(path)) {
      const session = await sessionOf();
      this.#passages.set(request, { begunAt, session, mayLogIn: callbacks.test(path), isInTurn: false });
    }
  }

  /** Refuses a change whose turn comes after a clearance. Call it within the turn. @throws {Problem} `unauthenticated` */
  async requireCurrent(request: FastifyRequest): Promise<void> {
    const passage = this.#passages.get(request);
    if (passage?.session === undefined) {
      return;
    }
    if (await this.#isOutdated(passage.session, passage.begunAt)) {
      throw new Problem('unauthenticated', { reason: 'change_before_clearance' });
    }
    passage.isInTurn = true;
  }

  /** Call it after Kratos has answered and before its answer is passed on. @throws {Problem} `unauthenticated` */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const passage = this.#passages.get(request);
    this.#passages.delete(request);
    if (passage === undefined || !(await this.ownership.hasClearings(passage.begunAt))) {
      return;
    }
    const { session, begunAt, mayLogIn, isInTurn } = passage;
    try {
      if (mayLogIn && sessionSetBy(reply) !== undefined) {
        await this.#settleLogin(request, reply, begunAt);
      } else if (session !== undefined && isInTurn) {
        await this.#settleChange(session, begunAt);
      }
    } catch (error) {
      withdraw(reply);
      throw error;
    }
  }

  async #settleLogin(request: FastifyRequest, reply: FastifyReply, begunAt: number): Promise<void> {
    const session = await this.kratos.liveSession(cookieAfter(request, reply));
    const identity =
      session === undefined ? await this.#named(request) : toProviderIdentity(session.identity);
    if (identity === undefined || !(await this.ownership.isOutdated(identity, begunAt, session?.id))) {
      return;
    }
    if (session !== undefined) {
      await this.kratos.revokeSession(session.id);
    }
    throw new Problem('unauthenticated', { reason: 'login_before_clearance' });
  }

  /** Handles a change of settings. It may be a new password, so the owner may no longer be the only one with access. */
  async #settleChange(session: KratosSession, begunAt: number): Promise<void> {
    if (await this.#isOutdated(session, begunAt)) {
      await this.ownership.reopen(toProviderIdentity(session.identity));
      throw new Problem('unauthenticated', { reason: 'change_before_clearance' });
    }
  }

  /** Whether the account of a session was cleared since, or is being cleared, by another session. */
  async #isOutdated({ id, identity }: KratosSession, begunAt: number): Promise<boolean> {
    return (
      (await this.ownership.hasClearings(begunAt)) &&
      (await this.ownership.isOutdated(toProviderIdentity(identity), begunAt, id))
    );
  }

  /** The identity that the form names, for a session that still requires a second factor. */
  async #named(request: FastifyRequest): Promise<ProviderIdentity | undefined> {
    const { account } = await readSubmittedForm(request);
    const found = account === undefined ? undefined : await this.kratos.findIdentityByEmail(account);
    return found === undefined ? undefined : toProviderIdentity(found);
  }
}
