import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { HttpModule } from '../http/http.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { LiveTokens } from './live.tokens.js';
import { RevocationFeed } from './revocation.feed.js';
import { RevocationList } from './revocation.list.js';
import { RevocationRepository } from './revocation.repository.js';
import { RevocationService } from './revocation.service.js';
import { SessionCookie } from './session.cookie.js';
import { SessionJanitor } from './session.janitor.js';
import { SessionMinter } from './session.minter.js';
import { SessionPeek } from './session.peek.js';
import { SessionRepository } from './session.repository.js';
import { SessionService } from './session.service.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key.ring.js';
import { SigningKeyRotation } from './signing-key.rotation.js';
import { TokenService } from './token.service.js';

/** Augmented token, session cookie, signing keys, revocation. */
@Module({
  imports: [CoreModule, DatabaseModule, HttpModule, MetricsModule, ReplicasModule],
  providers: [
    LiveTokens,
    RevocationFeed,
    RevocationList,
    RevocationRepository,
    RevocationService,
    SessionCookie,
    SessionJanitor,
    SessionMinter,
    SessionPeek,
    SessionRepository,
    SessionService,
    SigningKeyRepository,
    SigningKeyRing,
    SigningKeyRotation,
    TokenService,
  ],
  exports: [
    LiveTokens,
    RevocationFeed,
    RevocationList,
    RevocationService,
    SessionCookie,
    SessionPeek,
    SessionService,
    SigningKeyRepository,
    SigningKeyRing,
    SigningKeyRotation,
    TokenService,
  ],
})
export class SessionModule {}
