import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { SessionModule } from '../../session/session.module.js';
import { TokenEndpointModule } from '../../session/tokens/token-endpoint.module.js';
import { WorkloadIssuers } from './workload-issuers.js';
import { WorkloadRuleRepository } from './workload-rule.repository.js';
import { WorkloadRules } from './workload-rules.js';
import { WorkloadTokens } from './workload-tokens.js';
import { WorkloadsController } from './workloads.controller.js';

/** The module of workload identity: the rules, and the exchange of workloads' tokens. */
@Module({
  imports: [
    AuditModule,
    CoreModule,
    DatabaseModule,
    LoginModule,
    SessionModule,
    TokenEndpointModule,
    UsersModule,
  ],
  controllers: [WorkloadsController],
  providers: [WorkloadIssuers, WorkloadRuleRepository, WorkloadRules, WorkloadTokens],
})
export class WorkloadIdentityModule {}
