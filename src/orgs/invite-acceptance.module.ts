import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { InviteRedemptionController } from './invite-redemption.controller.js';
import { OrgsModule } from './orgs.module.js';

/** The module that accepts invites by their token. Accepting one can verify the user's address. */
@Module({
  imports: [OrgsModule, AccountsModule],
  controllers: [InviteRedemptionController],
})
export class InviteAcceptanceModule {}
