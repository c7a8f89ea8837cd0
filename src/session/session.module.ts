import { Module } from '@nestjs/common';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { HttpModule } from '../platform/http/http.module.js';
import { ReplicasModule } from '../platform/pubsub/replicas.module.js';
import { VerifiedTokenCache } from './tokens/verified-token.cache.js';
import { ProofsOfPossession } from './tokens/proofs-of-possession.js';
import { ProviderEnds } from './store/provider-ends.js';
import { RevocationFeed } from './revocation/revocation-feed.js';
import { RevocationList } from './revocation/revocation-list.js';
import { RevocationRepository } from './revocation/revocation.repository.js';
import { RevocationService } from './revocation/revocation.service.js';
import { SessionCookie } from './cookie/session-cookie.js';
import { SessionJanitor } from './store/session-janitor.js';
import { SessionMinter } from './session-minter.js';
import { SessionPeek } from './session-peek.js';
import { SessionRepository } from './store/session.repository.js';
import { SessionService } from './session.service.js';
import { SigningKeyRepository } from './tokens/signing-key.repository.js';
import { SigningKeyRing } from './tokens/signing-key-ring.js';
import { SigningKeyRotation } from './tokens/signing-key-rotation.js';
import { TokenService } from './tokens/token.service.js';
import { UsedTokenRepository } from './store/used-token.repository.js';

const internal = [RevocationRepository, SessionJanitor, SessionMinter, SessionRepository];
const shared = [
  ProofsOfPossession,
  ProviderEnds,
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
  UsedTokenRepository,
  VerifiedTokenCache,
];

/** The module of augmented tokens, the session cookie, signing keys and revocation. */
@Module({
  imports: [CoreModule, DatabaseModule, HttpModule, ReplicasModule],
  providers: [...internal, ...shared],
  exports: shared,
})
export class SessionModule {}
