import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { ReplicasModule } from '../../platform/pubsub/replicas.module.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { PublishedKeys } from '../../session/discovery/published-keys.js';
import { SessionModule } from '../../session/session.module.js';
import { SignalActor } from './receiver/signal-actor.js';
import { SignalReceiver } from './receiver/signal-receiver.js';
import { SignalVerifier } from './receiver/signal-verifier.js';
import { SignalsController as ReceivedSignalsController } from './receiver/signals.controller.js';
import { PushEndpoints } from './transmitter/push-endpoints.js';
import { SecurityEvents } from './transmitter/security-events.js';
import { SignalDelivery } from './transmitter/signal-delivery.js';
import { SignalKeyRepository } from './transmitter/signal-key.repository.js';
import { SignalKeys } from './transmitter/signal-keys.js';
import { SignalPusher } from './transmitter/signal-pusher.js';
import { SignalStreamRepository } from './transmitter/signal-stream.repository.js';
import { SignalStreams } from './transmitter/signal-streams.js';
import { SignalsController } from './transmitter/signals.controller.js';
import { WellKnownController } from './transmitter/well-known.controller.js';

/** The module of signals: its streams to other systems, and what it does at signals from the login provider. */
@Module({
  imports: [
    AuditModule,
    CoreModule,
    DiscoveryModule,
    HttpModule,
    LoginModule,
    ReplicasModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [ReceivedSignalsController, SignalsController, WellKnownController],
  providers: [
    PushEndpoints,
    SecurityEvents,
    SignalActor,
    SignalDelivery,
    SignalKeyRepository,
    SignalKeys,
    SignalPusher,
    SignalReceiver,
    SignalStreamRepository,
    SignalStreams,
    SignalVerifier,
  ],
})
export class SignalsModule implements OnModuleInit {
  constructor(
    private readonly published: PublishedKeys,
    private readonly keys: SignalKeys,
  ) {}

  onModuleInit(): void {
    this.published.add(() => this.keys.published());
  }
}
