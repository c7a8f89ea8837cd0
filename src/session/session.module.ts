import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { HttpModule } from '../http/http.module.js';
import { RevocationList } from './revocation.list.js';
import { SessionCookie } from './session.cookie.js';
import { SessionMinter } from './session.minter.js';
import { SessionRepository } from './session.repository.js';
import { SessionService } from './session.service.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key.ring.js';
import { TokenService } from './token.service.js';

/** Augmented token, session cookie, signing keys, revocation. */
@Module({
  imports: [CoreModule, DatabaseModule, HttpModule],
  providers: [
    RevocationList,
    SessionCookie,
    SessionMinter,
    SessionRepository,
    SessionService,
    SigningKeyRepository,
    SigningKeyRing,
    TokenService,
  ],
  exports: [SessionCookie, SessionService, SigningKeyRing, TokenService],
})
export class SessionModule {}
