import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { PurposeCipher } from '../../../platform/crypto/purpose.cipher.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { Clock } from '../../../platform/time/clock.service.js';
import { unavailable } from '../../../platform/upstream/vendor.call.js';
import type { ReportedUser } from './company.provider.js';
import type { ConnectionIdentity, ConnectionRepository, ConnectionSession } from './connection.repository.js';
import { type ProviderConnection, groupsIn, isFresh, vouchedUser } from './connection.js';

/** Milliseconds after which another replica may use a refresh token that this one took: more than the calls to a provider take, and than clocks differ. */
const longestUse = 90_000;
/** Milliseconds that a replica waits for another one's use, and between two looks. */
const longestWait = 10_000;
const betweenLooks = 50;
/** Codes of answers that mean that a provider no longer vouches for the user, or does for another one. */
const endings: ReadonlySet<string> = new Set(['access_token_rejected', 'login_refused']);

/** A session whose refresh token was taken for one use. */
interface TakenSession extends ConnectionSession {
  readonly sealed: string;
  readonly checking_until: number;
}

/** Dependencies of {@link ProviderRenewals}. */
export interface ProviderRenewalParts {
  readonly repository: ConnectionRepository;
  /** Of refresh tokens. */
  readonly cipher: PurposeCipher;
  readonly clock: Clock;
}

/**
 * Asks a company's provider by refresh tokens whether a session goes on. A refresh token may work only once, and a provider that sees
 * it twice ends the session. So one request at a time uses it, on whichever replica.
 */
export class ProviderRenewals {
  readonly #logger = new Logger(ProviderRenewals.name);
  readonly #parts: ProviderRenewalParts;

  constructor(parts: ProviderRenewalParts) {
    this.#parts = parts;
  }

  /**
   * The user of a session as they are now; without a refresh token, as they were at the login.
   * @returns undefined if the session has ended: by this question, or before it.
   * @throws {Problem} `provider_unavailable`
   */
  async confirm(
    connection: ProviderConnection,
    identity: ConnectionIdentity,
    session: ConnectionSession,
  ): Promise<ConnectionIdentity | undefined> {
    if (!connection.provider.has(identity.subject)) {
      await this.#end(connection, session, 'connection_of_another_issuer');
      return undefined;
    }
    if (session.sealed === null || this.#isFresh(session)) {
      return identity;
    }
    const { repository, clock } = this.#parts;
    const until = clock.now() + longestUse;
    return (await repository.takeGrant(session.id, session.sealed, until))
      ? this.#use(connection, identity, { ...session, sealed: session.sealed, checking_until: until })
      : this.#awaitOther(session);
  }

  async #use(
    connection: ProviderConnection,
    identity: ConnectionIdentity,
    session: TakenSession,
  ): Promise<ConnectionIdentity | undefined> {
    const { repository } = this.#parts;
    let isAccepted = false;
    try {
      const found = await this.#ask(connection, identity, session);
      isAccepted = true;
      if (found.state === 'active') {
        return await repository.update(identity.id, vouchedUser(connection, found, found.isEmailProven));
      }
      await repository.shut(identity.id, found.state);
      return { ...identity, state: found.state };
    } catch (error) {
      if (error instanceof Problem && endings.has(error.code)) {
        await this.#end(connection, session, error.reason);
        return undefined;
      }
      throw error;
    } finally {
      await repository.returnGrant(session.id, session.checking_until, isAccepted);
    }
  }

  async #ask(
    { provider }: ProviderConnection,
    identity: ConnectionIdentity,
    session: TakenSession,
  ): Promise<ReportedUser> {
    const { repository, cipher } = this.#parts;
    const refreshToken = cipher.decrypt(session.sealed);
    if (refreshToken === undefined) {
      // Encrypted with a secret that is gone.
      throw new Problem('access_token_rejected', { reason: 'refresh_token_unreadable' });
    }
    // The former one may no longer work, whatever becomes of the rest.
    const keep = async (next: string): Promise<void> =>
      repository.keepGrant(session.id, cipher.encrypt(next));
    return provider.describe(await provider.confirm(refreshToken, keep), toReported(identity));
  }

  /** Waits until another request has used the refresh token. */
  async #awaitOther({ id }: ConnectionSession): Promise<ConnectionIdentity | undefined> {
    const { repository, clock } = this.#parts;
    for (let waited = 0; waited < longestWait; waited += betweenLooks) {
      const session = await repository.findSession(id);
      if (session === undefined) {
        return undefined;
      }
      if (this.#isFresh(session)) {
        return repository.findIdentity(session.identity_id);
      }
      const { checking_until: until } = session;
      if (until === null || Number(until) < clock.now()) {
        break;
      }
      await delay(betweenLooks);
    }
    throw unavailable('connection_not_confirmed');
  }

  /** Ends a session, and not all of its user: a provider may have ended one of several logins. */
  async #end(
    { id }: ProviderConnection,
    session: ConnectionSession,
    reason: string | undefined,
  ): Promise<void> {
    const { repository } = this.#parts;
    await repository.endSession(session.id, session.identity_id);
    await repository.noteIfGone(session.identity_id);
    this.#logger.log('a session was ended by its connection', { reason, connection: id });
  }

  #isFresh({ checked_at: checkedAt }: ConnectionSession): boolean {
    return isFresh(checkedAt, this.#parts.clock.now());
  }
}

function toReported(identity: ConnectionIdentity): ReportedUser {
  const { subject, email, email_verified: isVerified, name } = identity;
  return {
    subject,
    email,
    isEmailProven: isVerified === 1,
    name,
    groups: groupsIn(identity),
    state: 'active',
  };
}
