import { domainToUnicode } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { connectionIssuerPrefix } from '../../../directory/users/connection-identity.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Database } from '../../../platform/database/database.schema.js';
import { confirmedDomainOf } from '../../../orgs/domain-proof.js';

/** Members whom an organisation's connections meet with an account that they have already. */
export interface ConnectionMembers {
  /** How many have an address in the confirmed domain, and haven't logged in by one of the connections yet. */
  readonly withAccount: number;
  /** How many of the domain may go on with an account of this site although a connection is required. */
  readonly exempt: number;
  /** Whether the first login by a connection may find their account, by a verified address. */
  readonly linked: boolean;
}

/** Counts the members who have an account besides an organisation's connections, so that owners know what a connection does to them. */
@Injectable()
export class ConnectionMembersCount {
  readonly #links: boolean;

  constructor(
    private readonly database: Database,
    @Inject(CONFIGURATION) { LINK_BY_VERIFIED_EMAIL }: Configuration,
  ) {
    this.#links = LINK_BY_VERIFIED_EMAIL;
  }

  async of(orgId: string): Promise<ConnectionMembers> {
    const org = await this.database.query
      .selectFrom('orgs')
      .selectAll()
      .where('id', '=', orgId)
      .executeTakeFirst();
    const linked = this.#links;
    const domain = org === undefined ? null : confirmedDomainOf(org);
    if (domain === null) {
      return { withAccount: 0, exempt: 0, linked };
    }
    const members = this.database.query
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .select((builder) => builder.fn.countAll<number | string>().as('count'))
      .where('memberships.org_id', '=', orgId)
      .where('memberships.state', '=', 'active')
      .where('users.kind', '=', sql.lit('person'))
      .where('users.disabled_at', 'is', null)
      // A domain has no character that means something to `like`. Accounts of this site have it in either spelling.
      .where(({ eb, or }) =>
        or([domain, domainToUnicode(domain)].map((one) => eb('users.email_key', 'like', `%@${one}`))),
      );
    const strangers = members.where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('identities')
            .innerJoin('org_connections', (join) =>
              join.on(sql`identities.issuer`, '=', sql`${connectionIssuerPrefix} || org_connections.id`),
            )
            .select('identities.subject')
            .whereRef('identities.user_id', '=', 'users.id')
            .where('org_connections.org_id', '=', orgId),
        ),
      ),
    );
    const exempt = members
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('identities')
            .select('subject')
            .whereRef('identities.user_id', '=', 'users.id')
            .where('issuer', 'not like', `${connectionIssuerPrefix}%`),
        ),
      )
      .where(({ eb, or, exists, selectFrom }) =>
        or([
          eb('memberships.role', '=', sql.lit('owner')),
          eb('users.role', '=', sql.lit('admin')),
          exists(
            selectFrom('memberships as other')
              .select('other.org_id')
              .whereRef('other.user_id', '=', 'users.id')
              .where('other.org_id', '!=', orgId)
              .where('other.state', '=', 'active'),
          ),
        ]),
      );
    const [met, spared] = [await strangers.executeTakeFirstOrThrow(), await exempt.executeTakeFirstOrThrow()];
    return { withAccount: Number(met.count), exempt: Number(spared.count), linked };
  }
}
