import { Injectable } from '@nestjs/common';
import { type ExpressionBuilder, sql } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { Database, type Schema } from '../../platform/database/database.schema.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { displayNameOf } from '../../platform/core/display-name.js';
import { formerAddress } from './former-address.js';
import type { IdentityKey, ProviderIdentity, User } from './identity.js';
import { toUser } from './user.mapper.js';
import { userOfIdentity } from './user.query.js';

/** The data about a person that both users and identities have. */
export type PersonFacts = Pick<ProviderIdentity, 'email' | 'emailVerified' | 'name' | 'picture'>;

/** The data about a person that an identity has, and how its address is proven. */
type ReportedFacts = PersonFacts & Pick<ProviderIdentity, 'isProvenHere'>;

/** The columns of a user that follow an identity. */
export function profileOf(identity: PersonFacts) {
  const email = identity.email === null ? null : foldIdentifier(identity.email);
  const name = displayNameOf(identity.name);
  return {
    email,
    email_key: email,
    // Some providers mark an address as verified that they don't report.
    email_verified: identity.emailVerified && identity.email !== null ? 1 : 0,
    name,
    name_key: name?.toLowerCase() ?? null,
    picture: identity.picture,
  };
}

/** Whether a user's data differs from the identity's. */
export function differs(user: PersonFacts, identity: ReportedFacts): boolean {
  const { email, email_verified: verified, name, picture } = profileOf(identity);
  const isWordTaken = identity.isProvenHere !== true || (user.emailVerified && user.email === email);
  return (
    user.email !== email ||
    user.name !== name ||
    user.picture !== picture ||
    user.emailVerified !== (verified === 1 && isWordTaken)
  );
}

/** The update by which a user's columns follow an identity. @param now milliseconds since the epoch. */
export function followed(builder: ExpressionBuilder<Schema, 'users'>, identity: ReportedFacts, now: number) {
  const { and, eb, fn, or, ref } = builder;
  const profile = profileOf(identity);
  const isProven = and([eb('email_verified', '=', 1), eb('email', '=', profile.email)]);
  const isOwned = identity.isProvenHere ? isProven : or([eb('owned_since', 'is not', null), isProven]);
  // PostgreSQL treats a parameter in a CASE as text, so the numbers have an explicit type.
  const moment = sql<number>`cast(${now} as bigint)`;
  return {
    ...profile,
    ...formerAddress(builder, profile.email, now),
    // Set only after anything that an outsider may have set up is removed. Until then, the account counts as verified nowhere.
    email_verified:
      profile.email_verified === 1 ? eb.case().when(isOwned).then(sql.lit(1)).else(sql.lit(0)).end() : 0,
    owned_since: fn.coalesce(ref('owned_since'), eb.case().when(isProven).then(moment).end()),
    updated_at: now,
  };
}

/** Users' profiles between logins: they follow the identity that has logged in last. */
@Injectable()
export class UserProfiles {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The user of an identity; nothing if it is unknown. */
  async findUser(identity: IdentityKey): Promise<User | undefined> {
    const row = await userOfIdentity(this.database.query, identity).selectAll('users').executeTakeFirst();
    return row === undefined ? undefined : toUser(row);
  }

  /** Whether a user's profile follows this identity, and not another one of theirs. */
  async isFollowed(userId: string, { issuer, subject }: ProviderIdentity): Promise<boolean> {
    const latest = await this.database.query
      .selectFrom('identities')
      .select(['issuer', 'subject'])
      .where('user_id', '=', userId)
      .orderBy('last_login_at', 'desc')
      .orderBy('issuer')
      .orderBy('subject')
      .limit(1)
      .executeTakeFirst();
    return latest?.issuer === issuer && latest.subject === subject;
  }

  /**
   * Applies the data of an identity, unless the user has been changed in the meantime.
   * @param seen the user as it was read before the provider was asked.
   * @returns whether the address counts as verified now; nothing when the user's data has changed since.
   */
  async follow(
    seen: User,
    identity: ProviderIdentity,
  ): Promise<{ readonly isVerified: boolean } | undefined> {
    const now = this.clock.now();
    const updated = await this.database.query
      .updateTable('users')
      .set((builder) => followed(builder, identity, now))
      .where('id', '=', seen.id)
      .where('email_verified', '=', seen.emailVerified ? 1 : 0)
      .where('email', 'is not distinct from', seen.email)
      .where('name', 'is not distinct from', seen.name)
      .where('picture', 'is not distinct from', seen.picture)
      .returning('email_verified')
      .executeTakeFirst();
    return updated === undefined ? undefined : { isVerified: updated.email_verified === 1 };
  }
}
