import { Module, type OnModuleInit } from '@nestjs/common';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { Invites } from '../../accounts/invites.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { OrgsModule } from '../../orgs/orgs.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { LanguagesModule } from '../../platform/i18n/languages.module.js';
import { MailModule } from '../../platform/mail/mail.module.js';
import { SessionModule } from '../../session/session.module.js';
import { AccountInvitesController } from './account-invites.controller.js';
import { AccountInvites } from './account-invites.service.js';
import { InviteDelivery } from './invite-delivery.js';
import { InviteLookup } from './invite-lookup.js';
import { InviteRedemptionController } from './invite-redemption.controller.js';
import { InviteRedemption } from './invite-redemption.js';
import { InviteRepository } from './invite.repository.js';
import { MailboxProof } from './mailbox-proof.js';
import { AdminInviteController } from './pages/admin-invite.controller.js';
import { InvitationController } from './pages/invitation.controller.js';
import { StoredInvites } from './stored-invites.js';

/** The module of invites: administrators' for an account alone, and how any is delivered, shown and accepted. */
@Module({
  imports: [
    AccountsModule,
    CoreModule,
    DatabaseModule,
    LanguagesModule,
    LimitsModule,
    MailModule,
    OrgsModule,
    PageFrameModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [
    AccountInvitesController,
    InviteRedemptionController,
    AdminInviteController,
    InvitationController,
  ],
  providers: [
    AccountInvites,
    InviteDelivery,
    InviteLookup,
    InviteRedemption,
    InviteRepository,
    MailboxProof,
    StoredInvites,
  ],
  exports: [InviteDelivery, InviteRedemption, InviteRepository],
})
export class InvitesModule implements OnModuleInit {
  constructor(
    private readonly invites: Invites,
    private readonly stored: StoredInvites,
  ) {}

  onModuleInit(): void {
    this.invites.use(this.stored);
  }
}
