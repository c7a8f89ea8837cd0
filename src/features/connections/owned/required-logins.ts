import { Injectable } from '@nestjs/common';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import { withAsciiDomain } from '../../../platform/core/ascii-domain.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { UsersService } from '../../../directory/users/users.service.js';
import { connectionIdOf } from '../../../directory/users/connection-identity.js';
import type { Connection } from '../connection.js';
import { Connections } from '../connections.js';

/**
 * Decides who must log in by the connection of their organisation. Its owners, and those for whom it can't vouch
 * (administrators of the deployment, members of other organisations), needn't: a connection that doesn't work, or an owner who means
 * harm, can't lock them out.
 */
@Injectable()
export class RequiredLogins {
  constructor(
    private readonly connections: Connections,
    private readonly directory: UserDirectory,
    private readonly users: UsersService,
  ) {}

  /** The connection by which the user of an account of this site must log in; undefined if that account will do. */
  async of(
    identity: Pick<ProviderIdentity, 'issuer' | 'subject' | 'email'>,
  ): Promise<Connection | undefined> {
    const { issuer, email } = identity;
    if (email === null || connectionIdOf(issuer) !== undefined) {
      return undefined;
    }
    const connection = await this.ofAddress(email);
    if (connection?.owner === undefined) {
      return undefined;
    }
    const user = await this.directory.ofIdentity(identity);
    if (user === undefined) {
      return connection;
    }
    const { orgId } = connection.owner;
    const isExempt =
      (await this.users.vouchRefusal(user.id, orgId)) !== undefined ||
      (await this.directory.orgRoleOf(user.id, orgId)) === 'owner';
    return isExempt ? undefined : connection;
  }

  /** The connection by which users with an address must log in, but for owners and administrators. */
  async ofAddress(email: string): Promise<Connection | undefined> {
    const connection = await this.connections.ofAddress(email);
    // The first administrator may have no account yet, and the connection can't vouch for them.
    const isRequired =
      connection?.owner?.isRequired === true &&
      foldIdentifier(withAsciiDomain(email)) !== connection.owner.unvouchable;
    return isRequired ? connection : undefined;
  }
}
