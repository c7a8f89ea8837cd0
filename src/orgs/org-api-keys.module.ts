import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { OrgApiKeysController } from './org-api-keys.controller.js';
import { OrgApiKeysService } from './org-api-keys.service.js';
import { OrgStanding } from './org.standing.js';

/** The module of organisations' API keys. */
@Module({
  imports: [ApiKeysModule, DatabaseModule],
  controllers: [OrgApiKeysController],
  providers: [OrgApiKeysService, OrgStanding],
})
export class OrgApiKeysModule {}
