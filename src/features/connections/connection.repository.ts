import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import {
  type ConnectionIdentitiesTable,
  type ConnectionLoginsTable,
  type ConnectionSessionsTable,
  Database,
} from '../../platform/database/database.schema.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { newId } from '../../platform/core/identifier.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { DirectoryUser, UserState } from './company-directory.js';

export type ConnectionIdentity = Selectable<ConnectionIdentitiesTable>;
export type ConnectionSession = Selectable<ConnectionSessionsTable>;

/** What is stored about a user whom a connection vouches for. */
export interface VouchedUser extends Omit<DirectoryUser, 'state'> {
  readonly connectionId: string;
  readonly issuer: string;
  readonly emailVerified: boolean;
  readonly state: UserState;
}

/** How a user was authenticated at a connection. Times are milliseconds since the epoch. */
export interface NewConnectionSession {
  readonly identityId: string;
  readonly amr: readonly string[];
  readonly acr: 'aal1' | 'aal2';
  readonly authTime: number;
  readonly expiresAt: number;
  /** The provider's name of its session. */
  readonly providerSid: string | null;
  /** The provider's refresh token, encrypted. */
  readonly sealed: string | null;
}

/** Selects the sessions that a provider has ended: one of its own by name, all of a user, or one of a user and those that it doesn't name. */
export interface EndedAtProvider {
  readonly connectionId: string;
  readonly sid: string | null;
  /** The provider's subject. */
  readonly subject: string | null;
}

/** Milliseconds for which the record of a session that has expired is kept. */
const keptAfterEnd = 86_400_000;
/** Connections of one provider whose users are compared. */
const subjectsAtMost = 50;
/** Sessions of a user about which a provider is asked, until it confirms one. */
const sessionsAsked = 5;

/** Stores the users of connections, and their sessions. */
@Injectable()
export class ConnectionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Stores what a connection reports about a user, new or known. @returns its row. */
  async record(user: VouchedUser): Promise<ConnectionIdentity> {
    const now = this.clock.now();
    const reported = reportedOf(user, now);
    return this.database.query
      .insertInto('connection_identities')
      .values({
        id: newId(now),
        connection_id: user.connectionId,
        issuer: user.issuer,
        subject: user.subject,
        ...reported,
        created_at: now,
      })
      .onConflict((conflict) =>
        conflict.columns(['connection_id', 'issuer', 'subject']).doUpdateSet(reported),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  /** Stores what a connection reports about a known user. @returns undefined for one who was deleted meanwhile. */
  async update(id: string, user: VouchedUser): Promise<ConnectionIdentity | undefined> {
    return this.database.query
      .updateTable('connection_identities')
      .set(reportedOf(user, this.clock.now()))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
  }

  /** Stores what a connection reports about a user who may not log in, and ends their sessions. Of a new one, nothing is stored. */
  async refuse(user: VouchedUser): Promise<void> {
    const known = await this.database.query
      .updateTable('connection_identities')
      .set(reportedOf(user, this.clock.now()))
      .where('connection_id', '=', user.connectionId)
      .where('issuer', '=', user.issuer)
      .where('subject', '=', user.subject)
      .returning('id')
      .executeTakeFirst();
    if (known !== undefined) {
      await this.endSessions(known.id);
    }
  }

  /** Stores that a user may no longer log in, and ends their sessions. */
  async shut(id: string, state: UserState): Promise<void> {
    const now = this.clock.now();
    await this.database.query
      .updateTable('connection_identities')
      .set({ state, checked_at: now })
      .where('id', '=', id)
      .execute();
    await this.endSessions(id);
  }

  /**
   * Ends all sessions of a user; idempotent.
   * @param except id of the one that stays. @param begunAfter milliseconds; those that began later stay, too.
   */
  async endSessions(identityId: string, except?: string, begunAfter?: number): Promise<void> {
    await this.database.query
      .updateTable('connection_sessions')
      .set({ ended_at: this.clock.now(), sealed: null })
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .$if(except !== undefined, (query) => query.where('id', '!=', except ?? ''))
      .$if(begunAfter !== undefined, (query) => query.where('created_at', '<=', begunAfter ?? 0))
      .execute();
  }

  /** The sessions that a provider has ended, and that haven't ended here. */
  async liveBehind({ connectionId, sid, subject }: EndedAtProvider): Promise<ConnectionSession[]> {
    const users = this.#usersOf(connectionId);
    const live = this.database.query
      .selectFrom('connection_sessions')
      .selectAll()
      .where('identity_id', 'in', subject === null ? users : users.where('subject', '=', subject))
      .where('ended_at', 'is', null);
    if (sid === null) {
      return live.execute();
    }
    return live
      .where((where) =>
        where.or([
          where('provider_sid', '=', sid),
          ...(subject === null ? [] : [where('provider_sid', 'is', null)]),
        ]),
      )
      .execute();
  }

  /** Ends all sessions of a connection; idempotent. */
  async endAllOf(connectionId: string): Promise<void> {
    await this.database.query
      .updateTable('connection_sessions')
      .set({ ended_at: this.clock.now(), sealed: null })
      .where('identity_id', 'in', this.#usersOf(connectionId))
      .where('ended_at', 'is', null)
      .execute();
  }

  /**
   * Takes the refresh token of a session for one use of it: it may work only once, so only one replica gets it at a time.
   * @param until milliseconds; then others may take it, if this one doesn't come back.
   * @returns whether it was free, and still this one.
   */
  async takeGrant(id: string, sealed: string, until: number): Promise<boolean> {
    const result = await this.database.query
      .updateTable('connection_sessions')
      .set({ checking_until: until })
      .where('id', '=', id)
      .where('sealed', '=', sealed)
      .where((where) =>
        where.or([where('checking_until', 'is', null), where('checking_until', '<', this.clock.now())]),
      )
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Stores the next refresh token of a session that hasn't ended. */
  async keepGrant(id: string, sealed: string): Promise<void> {
    await this.database.query
      .updateTable('connection_sessions')
      .set({ sealed })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** Gives back a refresh token that was taken until then. @param isAccepted whether the provider has accepted it. */
  async returnGrant(id: string, until: number, isAccepted: boolean): Promise<void> {
    await this.database.query
      .updateTable('connection_sessions')
      .set({ checking_until: null, ...(isAccepted ? { checked_at: this.clock.now() } : {}) })
      .where('id', '=', id)
      .where('checking_until', '=', until)
      .execute();
  }

  /** Stores that a provider no longer vouches for a user, if it ended the last of their sessions. */
  async noteIfGone(identityId: string): Promise<void> {
    const now = this.clock.now();
    const live = this.database.query
      .selectFrom('connection_sessions')
      .select('id')
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', now);
    await this.database.query
      .updateTable('connection_identities')
      .set({ state: 'gone', checked_at: now })
      .where('id', '=', identityId)
      .where(({ not, exists }) => not(exists(live)))
      .execute();
  }

  /** The users of all connections that have one of these subjects. */
  async findSubjects(subjects: readonly string[]): Promise<ConnectionIdentity[]> {
    return this.database.query
      .selectFrom('connection_identities')
      .selectAll()
      .where('subject', 'in', subjects)
      .limit(subjectsAtMost)
      .execute();
  }

  /** A user by id. */
  async findIdentity(id: string): Promise<ConnectionIdentity | undefined> {
    return this.database.query
      .selectFrom('connection_identities')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Deletes a user with their sessions; idempotent. */
  async deleteIdentity(id: string): Promise<void> {
    await this.database.query.deleteFrom('connection_sessions').where('identity_id', '=', id).execute();
    await this.database.query.deleteFrom('connection_identities').where('id', '=', id).execute();
  }

  /**
   * Begins a session, and removes records of sessions that have long expired.
   * @returns its id; undefined if the user was deleted in the meantime.
   */
  async begin({
    identityId,
    amr,
    acr,
    authTime,
    expiresAt,
    providerSid,
    sealed,
  }: NewConnectionSession): Promise<string | undefined> {
    const now = this.clock.now();
    await this.database.query
      .deleteFrom('connection_sessions')
      .where('expires_at', '<', now - keptAfterEnd)
      .execute();
    const id = newId(now);
    return this.database.query.transaction().execute(async (transaction) => {
      const identity = transaction
        .selectFrom('connection_identities')
        .select('id')
        .where('id', '=', identityId);
      const locked = needsRowLocks(transaction) ? identity.forKeyShare() : identity;
      if ((await locked.executeTakeFirst()) === undefined) {
        return undefined;
      }
      await transaction
        .insertInto('connection_sessions')
        .values({
          id,
          identity_id: identityId,
          amr: amr.join(' '),
          acr,
          auth_time: authTime,
          created_at: now,
          expires_at: expiresAt,
          ended_at: null,
          provider_sid: providerSid,
          sealed,
          checked_at: sealed === null ? null : now,
          checking_until: null,
        })
        .execute();
      return id;
    });
  }

  /** Stores the challenge that a login at a provider is for, and removes those of logins that have expired. @param expiresAt milliseconds. */
  async keepLogin(state: string, challenge: string, expiresAt: number): Promise<void> {
    await this.database.query
      .deleteFrom('connection_logins')
      .where('expires_at', '<', this.clock.now())
      .execute();
    await this.database.query
      .insertInto('connection_logins')
      .values({ id: loginIdOf(state), challenge, answer: null, expires_at: expiresAt })
      .execute();
  }

  /** Whether a login is under way that has no answer yet. */
  async isAwaited(state: string): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('connection_logins')
      .select('id')
      .where('id', '=', loginIdOf(state))
      .where('answer', 'is', null)
      .where('expires_at', '>', this.clock.now())
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Stores the first answer to a login that is under way. @param answer encrypted. @returns whether there is such a login. */
  async keepAnswer(state: string, answer: string): Promise<boolean> {
    const result = await this.database.query
      .updateTable('connection_logins')
      .set({ answer })
      .where('id', '=', loginIdOf(state))
      .where('answer', 'is', null)
      .where('expires_at', '>', this.clock.now())
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** The challenge that a login is for, and the answer that waits for it. Only one caller gets them, on whichever replica. */
  async takeLogin(
    state: string,
  ): Promise<Pick<Selectable<ConnectionLoginsTable>, 'challenge' | 'answer'> | undefined> {
    return this.database.query
      .deleteFrom('connection_logins')
      .where('id', '=', loginIdOf(state))
      .returning(['challenge', 'answer'])
      .executeTakeFirst();
  }

  /** A session that has neither ended nor expired. */
  async findSession(id: string): Promise<ConnectionSession | undefined> {
    return this.database.query
      .selectFrom('connection_sessions')
      .selectAll()
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', this.clock.now())
      .executeTakeFirst();
  }

  /** The sessions of a user that have neither ended nor expired, the newest first. */
  async liveSessions(identityId: string): Promise<ConnectionSession[]> {
    return this.database.query
      .selectFrom('connection_sessions')
      .selectAll()
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', this.clock.now())
      .orderBy('created_at', 'desc')
      .limit(sessionsAsked)
      .execute();
  }

  /** Ends a session of this user; idempotent. */
  async endSession(id: string, identityId: string): Promise<void> {
    await this.database.query
      .updateTable('connection_sessions')
      .set({ ended_at: this.clock.now(), sealed: null })
      .where('id', '=', id)
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .execute();
  }

  #usersOf(connectionId: string) {
    return this.database.query
      .selectFrom('connection_identities')
      .select('id')
      .where('connection_id', '=', connectionId);
  }
}

function reportedOf(user: VouchedUser, now: number) {
  return {
    email: user.email,
    email_verified: user.emailVerified ? 1 : 0,
    name: user.name,
    groups: JSON.stringify(user.groups),
    state: user.state,
    checked_at: now,
  };
}

function loginIdOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}
