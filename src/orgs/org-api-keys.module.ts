import { Module } from '@nestjs/common';
import { UserNames } from '../accounts/user-names.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { OrgApiKeysController } from './org-api-keys.controller.js';
import { OrgApiKeysService } from './org-api-keys.service.js';
import { OrgAuthorization } from './org-authorization.js';

/** The module of organisations' API keys. */
@Module({
  imports: [ApiKeysModule, DatabaseModule],
  controllers: [OrgApiKeysController],
  providers: [OrgApiKeysService, OrgAuthorization, UserNames],
})
export class OrgApiKeysModule {}
