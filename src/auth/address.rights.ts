import { Injectable } from '@nestjs/common';
import { UsersService } from '../users/users.service.js';
import { AdministratorAppointment } from './administrator.appointment.js';
import type { RequestOrigin } from './auth.service.js';
import { OrgAdmission } from './org.admission.js';

/** What a verified address brings by itself: the organisation of its domain, and the role of the first administrator. */
@Injectable()
export class AddressRights {
  readonly #users: UsersService;
  readonly #orgs: OrgAdmission;
  readonly #appointment: AdministratorAppointment;

  constructor(users: UsersService, orgs: OrgAdmission, appointment: AdministratorAppointment) {
    this.#users = users;
    this.#orgs = orgs;
    this.#appointment = appointment;
  }

  /** Gives a user what their address brings. What changes with it makes their tokens stale. @throws {Problem} `unauthenticated` */
  async give(userId: string, origin: RequestOrigin): Promise<void> {
    const account = await this.#users.requireAccount(userId, null);
    if (account.user.emailVerified) {
      await this.#orgs.admitByDomain(account.user, origin);
      await this.#appointment.byAddress(account, origin);
    }
  }
}
