import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import type { RateLimits } from '../../../directory/rate-limit/rate.limits.js';
import { addressCheck } from '../../../directory/rate-limit/rate.limits.js';
import { accountOf, networkOf } from '../../../directory/rate-limit/limit.keys.js';
import type { UserState } from './company.directory.js';
import type { ConnectionCookie } from './connection.cookie.js';
import type { ConnectionIdentity, ConnectionRepository } from './connection.repository.js';
import { type Connection, vouchedUser } from './connections.js';

/** Seconds for which a network counts as known for an account that has logged in from there. */
const knownFor = 14 * 86_400;

/** Why a login at a connection failed: a wrong name or password, or the state of the account. */
export type ConnectionRefusal = 'wrong' | Exclude<UserState, 'active'>;

/** What a user typed. */
export interface TypedLogin {
  readonly login: string;
  readonly password: string;
}

/** Dependencies of {@link ConnectionLogins}. */
export interface ConnectionLoginParts {
  readonly repository: ConnectionRepository;
  readonly cookie: ConnectionCookie;
  readonly limits: RateLimits;
  readonly audit: AuditService;
  readonly clock: Clock;
}

/** Logins by the password of a company directory. They begin a session of the browser, from which Hydra's challenge is answered. */
export class ConnectionLogins {
  readonly #parts: ConnectionLoginParts;
  /** Seconds. */
  readonly #life: number;

  constructor(parts: ConnectionLoginParts, { SESSION_MAX_TTL }: OryConfiguration) {
    this.#parts = parts;
    this.#life = SESSION_MAX_TTL;
  }

  /**
   * Checks a password at the directory, and begins a session if it is right. The answer's status decides whether the attempt counts
   * as failed.
   * @returns why not, if it didn't.
   * @throws {Problem} `rate_limited`, `provider_unavailable`
   */
  async logIn(
    connection: Connection,
    { login, password }: TypedLogin,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<ConnectionRefusal | undefined> {
    const { repository, limits } = this.#parts;
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
      return this.#refuse(request, result.outcome === 'wrong' ? 'wrong' : refusalOf(result.state));
    }
    const identity = await repository.record(vouchedUser(connection, result.user));
    if (result.user.state !== 'active') {
      await repository.shut(identity.id, result.user.state);
      return this.#refuse(request, result.user.state);
    }
    await this.#begin(identity, request, reply);
    await limits.remember(`known:${pair}`, '1', knownFor);
    return undefined;
  }

  /** Begins a session in the place of the one that the browser has. */
  async #begin(identity: ConnectionIdentity, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { repository, cookie, clock } = this.#parts;
    const before = cookie.read(request.headers.cookie);
    const former = before === undefined ? undefined : await repository.findSession(before);
    if (former !== undefined) {
      await repository.endSession(former.id, former.identity_id);
    }
    const now = clock.now();
    const id = await repository.begin({
      identityId: identity.id,
      amr: ['pwd'],
      authTime: now,
      expiresAt: now + this.#life * 1000,
    });
    cookie.set(reply, id, this.#life);
  }

  async #refuse(request: FastifyRequest, refusal: ConnectionRefusal): Promise<ConnectionRefusal> {
    await this.#parts.audit.record({
      type: 'login_failed',
      outcome: 'failure',
      reason: refusal === 'wrong' ? 'wrong_password' : `connection_user_${refusal}`,
      actor: { id: null, credential: 'form' },
      requestId: request.id,
      remoteAddress: request.ip,
    });
    return refusal;
  }
}

function refusalOf(state: UserState): ConnectionRefusal {
  return state === 'active' ? 'wrong' : state;
}
