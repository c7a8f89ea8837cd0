import { Module } from '@nestjs/common';
import { AuditModule } from '../directory/audit/audit.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { AdministratorAppointment } from './administrator-appointment.js';

/** The module that appoints the first administrator, with any provider. */
@Module({
  imports: [AuditModule, SessionModule, UsersModule],
  providers: [AdministratorAppointment],
  exports: [AdministratorAppointment],
})
export class AdministratorsModule {}
