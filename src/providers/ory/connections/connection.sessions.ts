import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import type { Connection } from './connection.js';
import type { ConnectionCookie } from './connection.cookie.js';
import type {
  ConnectionIdentity,
  ConnectionRepository,
  NewConnectionSession,
} from './connection.repository.js';

/** How a user was authenticated at a connection. */
export interface ConnectionEvidence extends Pick<
  NewConnectionSession,
  'amr' | 'acr' | 'authTime' | 'providerSid' | 'sealed'
> {
  /** Seconds that the session may live; undefined: as long as any. */
  readonly life?: number | undefined;
}

/** Dependencies of {@link ConnectionSessions}. */
export interface ConnectionSessionParts {
  readonly repository: ConnectionRepository;
  readonly cookie: ConnectionCookie;
  readonly audit: AuditService;
  readonly clock: Clock;
}

/** Begins the sessions of browsers at connections of every kind, and records logins that fail. */
export class ConnectionSessions {
  readonly #parts: ConnectionSessionParts;
  /** Seconds. */
  readonly #longest: number;

  constructor(parts: ConnectionSessionParts, { SESSION_MAX_TTL }: OryConfiguration) {
    this.#parts = parts;
    this.#longest = SESSION_MAX_TTL;
  }

  /** Begins a session in the place of the one that the browser has. */
  async begin(
    identity: ConnectionIdentity,
    { life = this.#longest, ...evidence }: ConnectionEvidence,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { repository, cookie, clock } = this.#parts;
    const before = cookie.read(request.headers.cookie);
    const former = before === undefined ? undefined : await repository.findSession(before);
    if (former !== undefined) {
      await repository.endSession(former.id, former.identity_id);
    }
    const seconds = Math.min(life, this.#longest);
    const id = await repository.begin({
      identityId: identity.id,
      expiresAt: clock.now() + seconds * 1000,
      ...evidence,
    });
    cookie.set(reply, id, seconds);
  }

  /** Records a login that failed. @param request left out where it isn't known. */
  async noteFailure(
    { id, owner }: Connection,
    reason: string,
    request?: Pick<FastifyRequest, 'id' | 'ip'>,
  ): Promise<void> {
    await this.#parts.audit.record({
      type: 'login_failed',
      outcome: 'failure',
      reason,
      target: { kind: 'connection', id },
      ...(owner === undefined ? {} : { orgId: owner.orgId }),
      actor: { id: null, credential: 'form' },
      requestId: request?.id,
      remoteAddress: request?.ip,
    });
  }
}
