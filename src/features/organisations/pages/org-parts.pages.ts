import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type ComponentChild, Fragment, h } from 'preact';
import { myOrgsSchema } from '../../../accounts/me/me.schemas.js';
import { waitingInvitesSchema } from '../../invites/invite.schemas.js';
import { orgListSchema } from '../org-management.schemas.js';
import { ApiClient } from '../../../pages/api.client.js';
import type { OrgChoice, OrgSource, PartReader } from '../../../pages/feature-parts.js';
import { AccountInvites } from '../views/account-invites.view.js';
import { AccountOrgs } from '../views/account-orgs.view.js';

/** Number of organisations per page. */
const orgsAtOnce = 20;
/** Maximum number of invitations shown. Anyone who has more sees the rest after answering some. */
const invitesAtOnce = 20;
/** Maximum number of organisations to choose from. Every organisation's own pages have the same forms. */
const choicesAtOnce = 100;

/** What the account page, and the administration's forms, show of organisations. */
@Injectable()
export class OrgPartsPages implements OrgSource {
  constructor(private readonly api: ApiClient) {}

  async memberships(read: PartReader, cursor: string | undefined): Promise<ComponentChild> {
    const after = cursor === undefined ? {} : { cursor };
    const query = new URLSearchParams({ limit: String(orgsAtOnce), ...after });
    const [orgs, joinable, invites] = await Promise.all([
      read(`/api/v1/me/orgs?${query}`, myOrgsSchema),
      read('/api/v1/orgs?joinable=true', orgListSchema),
      read(`/api/v1/me/invites?limit=${invitesAtOnce}`, waitingInvitesSchema),
    ]);
    return h(
      Fragment,
      null,
      h(AccountInvites, { invites: invites?.items ?? [] }),
      h(AccountOrgs, { orgs, joinable: joinable?.items ?? [] }),
    );
  }

  async choices(request: FastifyRequest): Promise<readonly OrgChoice[]> {
    const path = `/api/v1/orgs?all=true&limit=${choicesAtOnce}`;
    return (await this.api.read(request, path, orgListSchema)).items;
  }
}
