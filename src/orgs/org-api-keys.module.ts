import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { OrgApiKeysController } from './org-api-keys.controller.js';
import { OrgApiKeysService } from './org-api-keys.service.js';

/** API keys of organisations. */
@Module({
  imports: [ApiKeysModule, DatabaseModule],
  controllers: [OrgApiKeysController],
  providers: [OrgApiKeysService],
})
export class OrgApiKeysModule {}
