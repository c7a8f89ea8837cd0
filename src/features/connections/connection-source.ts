import { Injectable, Logger } from '@nestjs/common';
import { Problem } from '../../platform/errors/problem.error.js';
import { isFresh } from '../../session/store/grant-uses.js';
import { Clock } from '../../platform/time/clock.service.js';
import {
  type BrowserSession,
  IdentitySource,
  type SessionKey,
  type SourceSession,
  type SourceUser,
} from '../../providers/ory/sources/identity-source.js';
import { ConnectionCookie } from './connection-cookie.js';
import {
  type ConnectionIdentity,
  ConnectionRepository,
  type ConnectionSession,
} from './connection.repository.js';
import {
  type Connection,
  type DirectoryConnection,
  groupsIn,
  membershipOf,
  vouchedUser,
} from './connection.js';
import { ConnectionSessions } from './connection-sessions.js';
import { Connections } from './connections.js';
import { toIdentity } from './connection-user.js';
import { ProviderRenewals } from './provider-renewals.js';

/** The form of a UUID v7: subjects of other sources are of other versions, and cost no query. */
const ownForm = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** The connections as a source of identities: their users and sessions are stored here, and checked where the users log in. */
@Injectable()
export class ConnectionSource extends IdentitySource {
  readonly #logger = new Logger(ConnectionSource.name);

  constructor(
    private readonly connections: Connections,
    private readonly repository: ConnectionRepository,
    private readonly renewals: ProviderRenewals,
    private readonly sessions: ConnectionSessions,
    private readonly cookie: ConnectionCookie,
    private readonly clock: Clock,
  ) {
    super();
  }

  async issuerOf(subject: string): Promise<string | undefined> {
    return (await this.#identity(subject))?.issuer;
  }

  async browserSession(header: string | undefined): Promise<BrowserSession> {
    const id = this.cookie.read(header);
    const session = id === undefined ? undefined : await this.repository.findSession(id);
    const found = session && (await this.#resumeLogin(session));
    return found?.isActive === true ? { state: 'live', session: found } : { state: 'none' };
  }

  async findSession({ id, subject }: SessionKey): Promise<SourceSession | undefined> {
    const session = await this.repository.findSession(id);
    return session && this.#resume(session, subject);
  }

  async findUser(subject: string): Promise<SourceUser | undefined> {
    const identity = await this.#identity(subject);
    return identity && (await this.#currentOf(identity));
  }

  async endSession({ id, subject }: SessionKey): Promise<void> {
    await this.repository.endSession(id, subject);
  }

  async endSessions(subject: string, except?: string, begunAfter?: number): Promise<void> {
    await this.repository.endSessions(subject, except, begunAfter);
  }

  /** Without a question to the company, which may be out of reach. */
  override async endBrowserSession(header: string | undefined): Promise<void> {
    const id = this.cookie.read(header);
    const session = id === undefined ? undefined : await this.repository.findSession(id);
    await (session && this.repository.endSession(session.id, session.identity_id));
  }

  /** The company decides who may log in; forbidding ends the sessions here. */
  async setActive(subject: string, active: boolean): Promise<void> {
    if (!active) {
      await this.repository.endSessions(subject);
    }
  }

  async deleteUser(subject: string): Promise<void> {
    await this.repository.deleteIdentity(subject);
  }

  /** Resumes a session for a login. A refusal of this deployment is noted, so that the connection's owner learns the reason. */
  async #resumeLogin(session: ConnectionSession): Promise<SourceSession | undefined> {
    try {
      return await this.#resume(session, session.identity_id);
    } catch (error) {
      if (error instanceof Problem && error.code === 'provider_misconfigured') {
        const identity = await this.#identity(session.identity_id);
        const connection = identity && (await this.connections.find(identity.connection_id));
        await (connection && this.sessions.noteFailure(connection, error.reason ?? error.code));
      }
      throw error;
    }
  }

  async #resume(session: ConnectionSession, subject: string): Promise<SourceSession | undefined> {
    const identity = session.identity_id === subject ? await this.#identity(subject) : undefined;
    const connection = identity && (await this.connections.find(identity.connection_id));
    const user = identity && connection && (await this.#current(connection, identity, session));
    if (connection === undefined || user === undefined || (await this.#wasRemoved(connection))) {
      return undefined;
    }
    const hasLostFactor = session.acr === 'aal2' && !trustsFactor(connection);
    return {
      ...user,
      id: session.id,
      amr: session.amr.split(' ').filter((method) => method !== '' && !(hasLostFactor && method === 'mfa')),
      acr: hasLostFactor ? 'aal1' : session.acr,
      hasLostFactor,
      authTime: Number(session.auth_time),
      begunAt: Number(session.created_at),
    };
  }

  /** Whether a connection's owner has removed it while its provider was asked: then what that says counts no more. */
  async #wasRemoved({ id, owner }: Connection): Promise<boolean> {
    return owner !== undefined && (await this.connections.find(id)) === undefined;
  }

  /** The user as they are now, for those who have no session at hand. A provider answers for sessions only, so one of them must be live. */
  async #currentOf(identity: ConnectionIdentity): Promise<SourceUser | undefined> {
    const { connections, repository } = this;
    const connection = await connections.find(identity.connection_id);
    if (connection?.by !== 'redirect') {
      return connection && this.#current(connection, identity);
    }
    for (const session of await repository.liveSessions(identity.id)) {
      const user = await this.#current(connection, identity, session);
      if (user !== undefined) {
        return user;
      }
    }
    return undefined;
  }

  async #identity(subject: string): Promise<ConnectionIdentity | undefined> {
    return ownForm.test(subject) ? this.repository.findIdentity(subject) : undefined;
  }

  /** The user as they are now; undefined if their session has ended at the connection. */
  async #current(
    connection: Connection,
    known: ConnectionIdentity,
    session?: ConnectionSession,
  ): Promise<SourceUser | undefined> {
    if (connection.by === 'password') {
      return this.#askDirectory(connection, known);
    }
    const found = session && (await this.renewals.confirm(connection, known, session));
    return found && toUser(found, connection);
  }

  async #askDirectory(
    connection: DirectoryConnection,
    known: ConnectionIdentity,
  ): Promise<SourceUser | undefined> {
    const { repository, clock } = this;
    if (isFresh(known.checked_at, clock.now())) {
      return toUser(known, connection);
    }
    const found = await connection.directory.findUser(known.subject);
    const state = found?.state ?? 'gone';
    if (found === undefined || state !== 'active') {
      await repository.shut(known.id, state);
      this.#logger.log('a user may no longer log in by their connection', {
        reason: `connection_user_${state}`,
        connection: connection.id,
      });
      return toUser({ ...known, state }, connection);
    }
    const row = await repository.update(known.id, vouchedUser(connection, found));
    return row && toUser(row, connection);
  }
}

/** Whether the connection counts a second factor still: it may have been changed since the login. */
function trustsFactor(connection: Connection): boolean {
  return connection.by === 'redirect' && connection.provider.trustsSecondFactor;
}

function toUser(row: ConnectionIdentity, connection: Connection): SourceUser {
  const { email, name } = row;
  const groups = groupsIn(row);
  const membership = membershipOf(connection, groups);
  return {
    identity: { ...toIdentity(row), ...(membership === undefined ? {} : { membership }) },
    isActive: row.state === 'active',
    profile: {
      ...(email === null ? {} : { email }),
      ...(name === null ? {} : { name }),
      // An organisation's groups are roles in it, and no claims: they could have the names of the deployment's own.
      ...(connection.owner === undefined ? { groups } : {}),
      connection: row.connection_id,
    },
  };
}
