import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import {
  type ConnectionIdentitiesTable,
  type ConnectionSessionsTable,
  Database,
} from '../../../platform/database/database.schema.js';
import { newId } from '../../../platform/core/identifier.js';
import { Clock } from '../../../platform/time/clock.service.js';
import type { DirectoryUser, UserState } from './company.directory.js';

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
  readonly authTime: number;
  readonly expiresAt: number;
}

/** Milliseconds for which the record of a session that has expired is kept. */
const keptAfterEnd = 86_400_000;

/** Stores the users of company directories, and their sessions. */
@Injectable()
export class ConnectionRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Stores what a connection reports about a user, new or known. @returns its row. */
  async record(user: VouchedUser): Promise<ConnectionIdentity> {
    const now = this.#clock.now();
    const reported = {
      email: user.email,
      email_verified: user.emailVerified ? 1 : 0,
      name: user.name,
      groups: JSON.stringify(user.groups),
      state: user.state,
      checked_at: now,
    };
    return this.#database.query
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

  /** Stores that a user may no longer log in, and ends their sessions. */
  async shut(id: string, state: UserState): Promise<void> {
    const now = this.#clock.now();
    await this.#database.query
      .updateTable('connection_identities')
      .set({ state, checked_at: now })
      .where('id', '=', id)
      .execute();
    await this.endSessions(id);
  }

  /** Ends all sessions of a user; idempotent. */
  async endSessions(identityId: string): Promise<void> {
    await this.#database.query
      .updateTable('connection_sessions')
      .set({ ended_at: this.#clock.now() })
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** A user by id. */
  async findIdentity(id: string): Promise<ConnectionIdentity | undefined> {
    return this.#database.query
      .selectFrom('connection_identities')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Deletes a user with their sessions; idempotent. */
  async deleteIdentity(id: string): Promise<void> {
    await this.#database.query.deleteFrom('connection_sessions').where('identity_id', '=', id).execute();
    await this.#database.query.deleteFrom('connection_identities').where('id', '=', id).execute();
  }

  /** Begins a session, and removes records of sessions that have long expired. @returns its id. */
  async begin({ identityId, amr, authTime, expiresAt }: NewConnectionSession): Promise<string> {
    const now = this.#clock.now();
    await this.#database.query
      .deleteFrom('connection_sessions')
      .where('expires_at', '<', now - keptAfterEnd)
      .execute();
    const id = newId(now);
    await this.#database.query
      .insertInto('connection_sessions')
      .values({
        id,
        identity_id: identityId,
        amr: amr.join(' '),
        acr: 'aal1',
        auth_time: authTime,
        created_at: now,
        expires_at: expiresAt,
        ended_at: null,
      })
      .execute();
    return id;
  }

  /** A session that has neither ended nor expired. */
  async findSession(id: string): Promise<ConnectionSession | undefined> {
    return this.#database.query
      .selectFrom('connection_sessions')
      .selectAll()
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', this.#clock.now())
      .executeTakeFirst();
  }

  /** Ends a session of this user; idempotent. */
  async endSession(id: string, identityId: string): Promise<void> {
    await this.#database.query
      .updateTable('connection_sessions')
      .set({ ended_at: this.#clock.now() })
      .where('id', '=', id)
      .where('identity_id', '=', identityId)
      .where('ended_at', 'is', null)
      .execute();
  }
}
