import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { RateLimits } from '../../../directory/rate-limit/rate.limits.js';
import { addressCheck } from '../../../directory/rate-limit/rate.limits.js';
import { accountOf, networkOf } from '../../../directory/rate-limit/limit.keys.js';
import type { UserState } from './company.directory.js';
import type { ConnectionRepository } from './connection.repository.js';
import type { ConnectionSessions } from './connection.sessions.js';
import { type DirectoryConnection, vouchedUser } from './connection.js';

/** Seconds for which a network counts as known for an account that has logged in from there. */
const knownFor = 14 * 86_400;

/** Why a login at a connection failed: a wrong name or password, or the state of the account. */
export type ConnectionRefusal = 'wrong' | Exclude<UserState, 'active'>;

/** What a user typed. */
export interface TypedLogin {
  readonly login: string;
  readonly password: string;
}

/** Logins by the password of a company directory. They begin a session of the browser, from which Hydra's challenge is answered. */
export class ConnectionLogins {
  readonly #sessions: ConnectionSessions;
  readonly #repository: ConnectionRepository;
  readonly #limits: RateLimits;
  readonly #clock: Clock;

  constructor(
    sessions: ConnectionSessions,
    repository: ConnectionRepository,
    limits: RateLimits,
    clock: Clock,
  ) {
    this.#sessions = sessions;
    this.#repository = repository;
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Checks a password at the directory, and begins a session if it is right. The answer's status decides whether the attempt counts
   * as failed.
   * @returns why not, if it didn't.
   * @throws {Problem} `rate_limited`, `provider_unavailable`
   */
  async logIn(
    connection: DirectoryConnection,
    { login, password }: TypedLogin,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<ConnectionRefusal | undefined> {
    const [repository, limits] = [this.#repository, this.#limits];
    // Directories compare names without regard to case and outer blanks, as this key does.
    const account = `connection:${connection.id}:${accountOf(login)}`;
    const pair = `${networkOf(request.ip)} ${account}`;
    // An attacker elsewhere can't lock owners out of networks from which they have logged in before.
    const isKnown = (await limits.recall(`known:${pair}`)) !== undefined;
    await limits.take(request, reply, [
      addressCheck(request, 'login-address', 'return'),
      { policy: 'login-pair', key: pair, onSuccess: 'reset' },
      ...(isKnown ? [] : [{ policy: 'login-account', key: account, onSuccess: 'return' } as const]),
    ]);
    const result = await connection.directory.checkPassword(login, password);
    if (result.outcome !== 'user') {
      return this.#refuse(
        connection,
        request,
        result.outcome === 'wrong' ? 'wrong' : refusalOf(result.state),
      );
    }
    const user = vouchedUser(connection, result.user);
    if (user.state !== 'active') {
      await repository.refuse(user);
      return this.#refuse(connection, request, user.state);
    }
    const identity = await repository.record(user);
    const evidence = {
      amr: ['pwd'],
      acr: 'aal1',
      authTime: this.#clock.now(),
      providerSid: null,
      sealed: null,
    } as const;
    await this.#sessions.begin(identity, evidence, request, reply);
    await limits.remember(`known:${pair}`, '1', knownFor);
    return undefined;
  }

  async #refuse(
    connection: DirectoryConnection,
    request: FastifyRequest,
    refusal: ConnectionRefusal,
  ): Promise<ConnectionRefusal> {
    const reason = refusal === 'wrong' ? 'wrong_password' : `connection_user_${refusal}`;
    await this.#sessions.noteFailure(connection, reason, request);
    return refusal;
  }
}

function refusalOf(state: UserState): ConnectionRefusal {
  return state === 'active' ? 'wrong' : state;
}
