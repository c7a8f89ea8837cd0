import { Injectable } from '@nestjs/common';
import type { User } from '../directory/users/identity.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Makes users members of the organisation of their e-mail domain. */
export interface DomainJoins {
  /**
   * Makes a user a member of the organisation that admits all users with a verified address of their e-mail domain. Users who
   * have left, were removed or asked to join keep that state.
   * @returns whether they joined the organisation now (`joined`), were a member already, or neither.
   */
  join(user: User, client: ClientInfo): Promise<'joined' | 'member' | 'none'>;
}

/** What a verified address makes its user a member of; nothing, unless a feature has told its own when the gateway started. */
@Injectable()
export class DomainAutoJoin implements DomainJoins {
  #joins: DomainJoins | undefined;

  use(joins: DomainJoins): void {
    this.#joins = joins;
  }

  async join(user: User, client: ClientInfo): Promise<'joined' | 'member' | 'none'> {
    return (await this.#joins?.join(user, client)) ?? 'none';
  }
}
