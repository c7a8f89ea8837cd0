import { Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import { UserDirectory } from '../../directory/users/user-directory.js';
import type { AssertedUser } from '../../providers/ory/sources/company-logins.js';
import { subjectAt } from './company.provider.js';
import { type ConnectionIdentity, ConnectionRepository } from './connection.repository.js';
import { type ConnectionOwner, type ProviderConnection } from './connection.js';
import { Connections } from './connections.js';
import { toIdentity } from './connection-user.js';

interface Vouched {
  readonly row: ConnectionIdentity;
  readonly connection: ProviderConnection;
  readonly owner: ConnectionOwner;
}

/** Finds the users of whom the providers of organisations' own connections assert something. */
@Injectable()
export class AssertedUsers {
  constructor(
    private readonly connections: Connections,
    private readonly repository: ConnectionRepository,
    private readonly directory: UserDirectory,
  ) {}

  /** As the port of company logins says it. Only providers that know such a user are asked for keys, whatever issuers callers invent. */
  async find(assertion: string, type: string, audience: string): Promise<AssertedUser | undefined> {
    const { iss = '', sub = '' } = claimsIn(assertion);
    if (/\0/.test(iss + sub)) {
      // PostgreSQL takes no such text, not even to compare it.
      return undefined;
    }
    const [vouched, ...others] = await this.#vouchedFor(
      spellings(iss).map((issuer) => subjectAt(issuer, sub)),
    );
    if (vouched === undefined || others.length > 0) {
      return undefined;
    }
    const { row, connection, owner } = vouched;
    const claims = await connection.provider.verifyAssertion(assertion, type, audience);
    return claims && { identity: toIdentity(row), orgId: owner.orgId, issuer: iss, claims };
  }

  /** The user of a subject in each organisation whose connection has logged them in, and of which they are a member. */
  async #vouchedFor(subjects: readonly string[]): Promise<readonly Vouched[]> {
    const found: Vouched[] = [];
    for (const row of await this.repository.findSubjects(subjects)) {
      const connection = await this.connections.find(row.connection_id);
      if (connection?.by !== 'redirect' || connection.owner === undefined) {
        continue;
      }
      const { owner, provider } = connection;
      const user = await this.directory.findByIdentity(row.issuer, row.id);
      const isMember =
        user !== undefined && (await this.directory.orgRoleOf(user.id, owner.orgId)) !== undefined;
      if (isMember && provider.has(row.subject) && mayBeVouchedFor(row)) {
        found.push({ row, connection, owner });
      }
    }
    return found;
  }
}

/** Whether a new word of the provider counts for a user: one whose last session has ended there is `gone`, until it vouches again. */
function mayBeVouchedFor({ state }: ConnectionIdentity): boolean {
  return state === 'active' || state === 'gone';
}

/** How an issuer is written in settings: with or without a slash at its end. Which one it is, its metadata says. */
function spellings(issuer: string): readonly string[] {
  const bare = issuer.replace(/\/$/, '');
  return [bare, `${bare}/`];
}

/** What an assertion states, before anything is verified. */
function claimsIn(assertion: string): {
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
} {
  try {
    return decodeJwt(assertion);
  } catch {
    return {};
  }
}
