import { Injectable } from '@nestjs/common';
import type { DomainJoins } from '../../accounts/domain-auto-join.js';
import type { User } from '../../directory/users/identity.js';
import { domainOf } from './hosted-domain.js';
import { MembershipRepository } from '../../orgs/membership.repository.js';
import { OrgEvents } from '../../orgs/org-events.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Makes users members of the organisation of their e-mail domain. */
@Injectable()
export class OrgDomainJoins implements DomainJoins {
  constructor(
    private readonly members: MembershipRepository,
    private readonly events: OrgEvents,
  ) {}

  async join(user: User, client: ClientInfo): Promise<'joined' | 'member' | 'none'> {
    const domain = user.emailVerified ? domainOf(user.email) : undefined;
    const found = domain === undefined ? undefined : await this.members.joinByDomain(user, domain);
    if (found?.isNew !== true) {
      return found === undefined ? 'none' : 'member';
    }
    const { orgId } = found;
    await this.events.membershipChanged(user.id);
    await this.events.record(
      { userId: user.id, client },
      { type: 'member_added', orgId, reason: 'domain_login' },
    );
    return 'joined';
  }
}
