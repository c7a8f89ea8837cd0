import { defineFeature } from '../../platform/features/feature.js';
import { agentSettings } from './agent.settings.js';

/** OAuth clients that register themselves, for protected resources alone: MCP clients and other agents. */
export const agents = defineFeature({
  name: 'agents',
  needs: ['protected-resources'],
  prefixes: ['agent', 'client_metadata', 'dynamic_registration'],
  providers: ['ory'],
  settings: agentSettings,
  hosts: ({ CLIENT_METADATA_HOSTS }) =>
    CLIENT_METADATA_HOSTS.map((host) => ['CLIENT_METADATA_HOSTS', `https://${host}`] as const),
  module: async () => (await import('./agents.module.js')).AgentsModule,
});
