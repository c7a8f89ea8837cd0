import type { ProviderIdentity } from '../../../../directory/users/identity.js';
import type { UserDirectory } from '../../../../directory/users/user.directory.js';
import { connectionIdOf } from '../connection.issuer.js';
import type { Connection } from '../connection.js';
import type { Connections } from '../connections.js';

/**
 * Decides who must log in by the connection of their organisation. Its owners, and administrators of the deployment, needn't: a
 * connection that doesn't work, or an owner who means harm, can't lock them out.
 */
export class RequiredLogins {
  readonly #connections: Connections;
  readonly #users: UserDirectory;

  constructor(connections: Connections, users: UserDirectory) {
    this.#connections = connections;
    this.#users = users;
  }

  /** The connection by which the user of an account of this site must log in; undefined if that account will do. */
  async of(identity: ProviderIdentity): Promise<Connection | undefined> {
    const { issuer, email } = identity;
    if (email === null || connectionIdOf(issuer) !== undefined) {
      return undefined;
    }
    const connection = await this.ofAddress(email);
    if (connection?.owner === undefined) {
      return undefined;
    }
    const user = await this.#users.ofIdentity(identity);
    const role = user && (await this.#users.orgRoleOf(user.id, connection.owner.orgId));
    return user?.role === 'admin' || role === 'owner' ? undefined : connection;
  }

  /** The connection by which users with an address must log in, but for owners and administrators. */
  async ofAddress(email: string): Promise<Connection | undefined> {
    const connection = await this.#connections.ofAddress(email);
    // The first administrator may have no account yet, and the connection can't vouch for them.
    const isRequired =
      connection?.owner?.isRequired === true && email.toLowerCase() !== connection.owner.unvouchable;
    return isRequired ? connection : undefined;
  }
}
