import { Injectable } from '@nestjs/common';
import { UsersService } from '../directory/users/users.service.js';
import { AdministratorAppointment } from './administrator-appointment.js';
import { DomainAutoJoin } from './domain-auto-join.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Grants the rights of a verified address: membership of its domain's organisation, and the first administrator's role. */
@Injectable()
export class AddressRights {
  constructor(
    private readonly users: UsersService,
    private readonly domains: DomainAutoJoin,
    private readonly appointment: AdministratorAppointment,
  ) {}

  /**
   * Gives a user the rights of their verified address, and invalidates their tokens if any is new.
   * @throws {Problem} `unauthenticated`
   */
  async give(userId: string, client: ClientInfo): Promise<void> {
    const account = await this.users.requireAccount(userId, null);
    if (account.user.emailVerified) {
      await this.domains.join(account.user, client);
      await this.appointment.byAddress(account, client);
    }
  }
}
