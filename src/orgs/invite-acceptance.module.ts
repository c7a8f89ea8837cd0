import { type DynamicModule, Module } from '@nestjs/common';
import { InviteAcceptance } from './invite-acceptance.service.js';
import { InviteRedemptionController } from './invite-redemption.controller.js';
import { OrgsModule } from './orgs.module.js';

/** Invites accepted by their token, which can verify the address of the person. */
@Module({})
export class InviteAcceptanceModule {
  /** @param auth the application's auth module, which exports the `MailboxProof`. */
  static register(auth: DynamicModule): DynamicModule {
    return {
      module: InviteAcceptanceModule,
      imports: [OrgsModule, auth],
      controllers: [InviteRedemptionController],
      providers: [InviteAcceptance],
    };
  }
}
