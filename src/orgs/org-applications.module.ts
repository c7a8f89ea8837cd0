import { Module } from '@nestjs/common';
import { ApplicationsModule } from '../oauth/applications/applications.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { OrgApplicationsController } from './org-applications.controller.js';
import { OrgAuthorization } from './org-authorization.js';

/** The module of organisations' applications: routes that exist where the gateway administers applications. */
@Module({
  imports: [ApplicationsModule, DatabaseModule],
  controllers: [OrgApplicationsController],
  providers: [OrgAuthorization],
})
export class OrgApplicationsModule {}
