import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../../platform/time/clock.service.js';
import { requireIdentifier } from '../../platform/core/account-identifier.js';
import { LoginLimits } from '../../directory/rate-limit/login-limits.js';
import type { UserState } from './company-directory.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSessions } from './connection-sessions.js';
import { type DirectoryConnection, vouchedUser } from './connection.js';

/** Why a login at a connection failed: a wrong name or password, or the state of the account. */
export type ConnectionRefusal = 'wrong' | Exclude<UserState, 'active'>;

/** What a user typed. */
export interface TypedLogin {
  readonly login: string;
  readonly password: string;
}

/** Logins by the password of a company directory. They begin a session of the browser, from which Hydra's challenge is answered. */
@Injectable()
export class ConnectionLogins {
  constructor(
    private readonly sessions: ConnectionSessions,
    private readonly repository: ConnectionRepository,
    private readonly limits: LoginLimits,
    private readonly clock: Clock,
  ) {}

  /**
   * Checks a password at the directory, and begins a session if it is right. The answer's status decides whether the attempt counts
   * as failed.
   * @returns why not, if it didn't.
   * @throws {Problem} `identifier_refused`, `rate_limited`, `provider_unavailable`
   */
  async logIn(
    connection: DirectoryConnection,
    { login, password }: TypedLogin,
    reply: FastifyReply,
  ): Promise<ConnectionRefusal | undefined> {
    const { request } = reply;
    const { id, directory } = connection;
    const account = `connection:${id}:${requireIdentifier(directory.nameOf(login))}`;
    await this.limits.take(reply, async () => [account]);
    const reached = new Set<string>();
    const result = await directory.checkPassword(login, password, async (user) => {
      // A second server of the directory finds the same user: that is one guess.
      if (!reached.has(user)) {
        reached.add(user);
        await this.limits.takeReached(request, `directory:${id}:${user}`);
      }
    });
    if (result.outcome !== 'user') {
      return this.#refuse(
        connection,
        request,
        result.outcome === 'wrong' ? 'wrong' : refusalOf(result.state),
      );
    }
    const user = vouchedUser(connection, result.user);
    if (user.state !== 'active') {
      await this.repository.refuse(user);
      return this.#refuse(connection, request, user.state);
    }
    const identity = await this.repository.record(user);
    const evidence = {
      amr: ['pwd'],
      acr: 'aal1',
      authTime: this.clock.now(),
      providerSid: null,
      sealed: null,
    } as const;
    await this.sessions.begin(identity, evidence, reply);
    return undefined;
  }

  async #refuse(
    connection: DirectoryConnection,
    request: FastifyRequest,
    refusal: ConnectionRefusal,
  ): Promise<ConnectionRefusal> {
    const reason = refusal === 'wrong' ? 'wrong_password' : `connection_user_${refusal}`;
    await this.sessions.noteFailure(connection, reason, request);
    return refusal;
  }
}

function refusalOf(state: UserState): ConnectionRefusal {
  return state === 'active' ? 'wrong' : state;
}
