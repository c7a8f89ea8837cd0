import { Module } from '@nestjs/common';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { AgentClients } from './agent-clients.js';
import { AgentGate } from './agent.gate.js';
import { AgentJanitor } from './agent-janitor.js';
import { type AgentSettings, agentSettings } from './agent.settings.js';
import { ClientDocuments } from './client-documents.js';
import { ClientRegistrationController } from './client-registration.controller.js';

/** The module of clients that register themselves: by metadata documents, and by dynamic registration. */
@Module({
  imports: [CoreModule, LimitsModule, DiscoveryModule, ProxyModule],
  controllers: [ClientRegistrationController],
  providers: [
    AgentClients,
    AgentGate,
    AgentJanitor,
    {
      provide: ClientDocuments,
      inject: [CONFIGURATION, agentSettings.token],
      useFactory: (configuration: Configuration, settings: AgentSettings) =>
        new ClientDocuments(configuration, settings),
    },
  ],
})
export class AgentsModule {}
