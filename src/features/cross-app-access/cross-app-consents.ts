import { Injectable, type OnModuleInit } from '@nestjs/common';
import { allDone } from '../../platform/core/settled.js';
import { AddedConsents, type ConsentSource } from '../../providers/ory/hydra/added-consents.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { clientSchema, type GrantedConsent } from '../../providers/ory/hydra/hydra.schemas.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { type CrossAppGrantKey, CrossAppGrantRepository } from './cross-app-grant.repository.js';
import type { CrossAppGrantRow } from './cross-app.schema.js';

/** What companies let applications do for users, who see it among their connected apps, and can take it back. */
@Injectable()
export class CrossAppConsents implements ConsentSource, OnModuleInit {
  constructor(
    private readonly grants: CrossAppGrantRepository,
    private readonly hydra: HydraClient,
    private readonly revocations: RevocationService,
    private readonly added: AddedConsents,
  ) {}

  onModuleInit(): void {
    this.added.use(this);
  }

  /**
   * Notes a use, which begins a grant if there is none. After the user has taken one back, there is none until they have agreed to the
   * application themselves.
   * @throws {OAuthRefusal} `invalid_grant`
   */
  async use(key: CrossAppGrantKey, scope: readonly string[]): Promise<CrossAppGrantRow> {
    const ended = await this.grants.find(key);
    if (ended !== undefined && ended.ended_at !== null && (await this.#hasAgreedSince(key, ended.ended_at))) {
      await this.grants.reopen(ended.id);
    }
    const grant = await this.grants.use(key, scope);
    if (grant === undefined) {
      throw new OAuthRefusal('invalid_grant', 'the user has taken the access back', 'grant_ended');
    }
    return grant;
  }

  async #hasAgreedSince({ subject, client_id: id }: CrossAppGrantKey, endedAt: number): Promise<boolean> {
    const consents = await this.hydra.grants(subject);
    return consents.some(
      ({ consent_request: { client }, handled_at: at }) => client.client_id === id && at > Number(endedAt),
    );
  }

  async of(subject: string): Promise<readonly GrantedConsent[]> {
    const rows = await this.grants.live(subject);
    const found = await Promise.all(rows.map(async (row) => this.#consentOf(row)));
    return found.flatMap((consent) => consent ?? []);
  }

  async #consentOf(row: CrossAppGrantRow): Promise<GrantedConsent | undefined> {
    const { data: client } = clientSchema.safeParse(await this.hydra.client(row.client_id));
    return (
      client && {
        grant_scope: scopeTokens(row.scope),
        handled_at: Number(row.created_at),
        session: { access_token: { grant_id: row.id } },
        consent_request: { requested_access_token_audience: [row.resource], client },
      }
    );
  }

  async end(subject: string, clientId: string): Promise<void> {
    const rows = await this.grants.live(subject, clientId);
    await this.grants.end(subject, clientId);
    await this.#endTokens(rows);
  }

  async forget(subject: string): Promise<void> {
    const rows = await this.grants.live(subject);
    await this.grants.forget(subject);
    await this.#endTokens(rows);
  }

  async #endTokens(rows: readonly CrossAppGrantRow[]): Promise<void> {
    await allDone(rows.map(async ({ id }) => this.revocations.endGrant(id)));
  }
}
