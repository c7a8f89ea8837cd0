import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { RequiredFactors } from '../../directory/users/required-factors.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import { SessionModule } from '../../session/session.module.js';
import { SecondFactorController } from './second-factor.controller.js';
import { SecondFactorPolicy } from './second-factor.policy.js';
import { secondFactorSettings } from './second-factor.settings.js';

/** The module of the policy that requires a second factor, and of the page that says so. */
@Module({
  imports: [PageFrameModule, SessionModule, UsersModule],
  controllers: [SecondFactorController],
})
export class SecondFactorModule implements OnModuleInit {
  constructor(
    private readonly factors: RequiredFactors,
    @Inject(secondFactorSettings.token) private readonly settings: SettingsOf<typeof secondFactorSettings>,
  ) {}

  onModuleInit(): void {
    this.factors.use(new SecondFactorPolicy(this.settings));
  }
}
