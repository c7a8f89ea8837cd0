import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { KeyItem } from '../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { byAdministrator } from '../auth/account.act.js';
import { AccountRecovery } from '../auth/account-recovery.service.js';
import { AccountSessions } from '../auth/account-sessions.service.js';
import type { RequestOrigin } from '../auth/auth.service.js';
import type { SessionItem } from '../auth/sessions.schemas.js';
import type { Page } from '../http/page.cursor.js';
import type { Principal } from '../session/principal.js';
import { UserDirectory, requireUserId } from '../users/user.directory.js';
import type { recoveryCodeSchema } from './person-access.schemas.js';

/** The administrator who asks, and from where. */
export interface Administrator {
  readonly principal: Principal;
  readonly origin: RequestOrigin;
}

/** What was ended, and whether the request's own session was among it. */
export interface EndedSessions {
  readonly ended: number;
  readonly current: boolean;
}

/** What lets somebody in: sessions, API keys, a recovery code. Ids are as callers gave them. */
@Injectable()
export class PersonAccess {
  readonly #directory: UserDirectory;
  readonly #sessions: AccountSessions;
  readonly #keys: ApiKeysService;
  readonly #recovery: AccountRecovery;

  constructor(
    directory: UserDirectory,
    sessions: AccountSessions,
    keys: ApiKeysService,
    recovery: AccountRecovery,
  ) {
    this.#directory = directory;
    this.#sessions = sessions;
    this.#keys = keys;
    this.#recovery = recovery;
  }

  /** Live sessions, newest first. @throws {Problem} `not_found` */
  async sessionsOf(id: string, principal: Principal): Promise<SessionItem[]> {
    const user = await this.#directory.require(id);
    return this.#sessions.listOf(user.id, principal);
  }

  /** @throws {Problem} `not_found` when there is no such user, or it's no live session of theirs. */
  async endSession(
    id: string,
    sessionId: string,
    { principal, origin }: Administrator,
  ): Promise<EndedSessions> {
    const act = byAdministrator(principal, origin);
    const ended = await this.#sessions.endOf(requireUserId(id), sessionId, act);
    return { ended: 1, current: ended.id === principal.claims.sid };
  }

  /** @throws {Problem} `not_found` */
  async endSessions(id: string, { principal, origin }: Administrator): Promise<EndedSessions> {
    const user = await this.#directory.require(id);
    const ended = await this.#sessions.endAllOf(user.id, byAdministrator(principal, origin));
    return { ended: ended.length, current: ended.some((session) => session.id === principal.claims.sid) };
  }

  /** Keys that haven't been revoked, oldest first. @throws {Problem} `not_found`, `validation_failed` */
  async keysOf(
    id: string,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<Page<KeyItem>> {
    const user = await this.#directory.require(id);
    return this.#keys.list({ userId: user.id }, page);
  }

  /** @throws {Problem} `not_found` when there is no such user, or it's no live key of theirs. */
  async revokeKey(id: string, keyId: string, { principal, origin }: Administrator): Promise<void> {
    const { requestId, remoteAddress } = origin;
    await this.#keys.revoke(principal, { userId: requireUserId(id) }, keyId, { requestId, remoteAddress });
  }

  /** @throws {Problem} what {@link AccountRecovery.createCode} does. */
  async createRecoveryCode(
    id: string,
    { principal, origin }: Administrator,
  ): Promise<z.output<typeof recoveryCodeSchema>> {
    const act = byAdministrator(principal, origin);
    const { code, url, expiresAt } = await this.#recovery.createCode(requireUserId(id), act);
    return { code, url, expiresAt: new Date(expiresAt).toISOString() };
  }
}
