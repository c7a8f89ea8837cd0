import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { OrgApiKeysController } from './org-api-keys.controller.js';
import { OrgApiKeysService } from './org-api-keys.service.js';

/** The module of organisations' API keys. */
@Module({
  imports: [ApiKeysModule, DatabaseModule],
  controllers: [OrgApiKeysController],
  providers: [OrgApiKeysService],
})
export class OrgApiKeysModule {}
