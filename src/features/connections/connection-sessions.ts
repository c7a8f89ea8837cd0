import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { type EndedName, ProviderEnds } from '../../session/store/provider-ends.js';
import type { Connection } from './connection.js';
import { ConnectionCookie } from './connection-cookie.js';
import {
  type ConnectionIdentity,
  ConnectionRepository,
  type NewConnectionSession,
} from './connection.repository.js';

/** How a user was authenticated at a connection. */
export interface ConnectionEvidence extends Pick<
  NewConnectionSession,
  'amr' | 'acr' | 'authTime' | 'providerSid' | 'sealed'
> {
  /** When the login's answer came, in milliseconds since the epoch, if the connection may end a login. */
  readonly begunAt?: number;
  /** Seconds that the session may live; undefined: as long as any. */
  readonly life?: number | undefined;
}

/** The name under which the end of a user's sessions that the provider doesn't name is noted. */
export const nameOfUnnamed = (connectionId: string, subject: string): EndedName => [
  'connection without sid',
  connectionId,
  subject,
];

/** Begins the sessions of browsers at connections of every kind, and records logins that fail. */
@Injectable()
export class ConnectionSessions {
  /** Seconds. */
  readonly #longest: number;

  constructor(
    private readonly repository: ConnectionRepository,
    private readonly cookie: ConnectionCookie,
    private readonly audit: AuditService,
    private readonly ends: ProviderEnds,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SESSION_MAX_TTL }: OryConfiguration,
  ) {
    this.#longest = SESSION_MAX_TTL;
  }

  /**
   * Begins a session in the place of the one that the browser has.
   * @throws {Problem} `login_refused` if the connection has ended it since the login's answer came, or if the user was deleted.
   */
  async begin(
    identity: ConnectionIdentity,
    { life = this.#longest, begunAt, ...evidence }: ConnectionEvidence,
    reply: FastifyReply,
  ): Promise<void> {
    const { repository, cookie, clock } = this;
    const before = cookie.read(reply.request.headers.cookie);
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
    if (id === undefined) {
      throw new Problem('login_refused', { reason: 'user_deleted' });
    }
    if (begunAt !== undefined && (await this.#hasEnded(identity, evidence.providerSid, begunAt))) {
      await repository.endSession(id, identity.id);
      throw new Problem('login_refused', { reason: 'provider_session_ended' });
    }
    cookie.set(reply, id, seconds);
  }

  async #hasEnded(
    { connection_id: id, subject }: ConnectionIdentity,
    sid: string | null,
    begunAt: number,
  ): Promise<boolean> {
    const names: readonly EndedName[] = [
      ['connection', id, null, subject],
      ...(sid === null
        ? [nameOfUnnamed(id, subject)]
        : ([
            ['connection', id, sid, null],
            ['connection', id, sid, subject],
          ] as const)),
    ];
    return this.ends.reach(names, begunAt);
  }

  /** Records a login that failed. @param request left out where it isn't known. */
  async noteFailure(
    { id, owner }: Connection,
    reason: string,
    request?: Pick<FastifyRequest, 'id' | 'ip'>,
  ): Promise<void> {
    await this.audit.record({
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
