import { variableDocs } from '../../platform/config/variable.js';
import { defineSettings } from '../../platform/features/feature.js';
import { protectedResources } from './protected-resources.parser.js';

/** The setting that names resources for which tokens are issued (docs/agents.md). */
export const protectedResourceSettings = defineSettings('protected-resources', {
  PROTECTED_RESOURCES: protectedResources.default([]).register(variableDocs, {
    description:
      'Resources for which clients get tokens by themselves, such as MCP servers: a JSON list of objects with `resource` (its URL), `resource_name` and `scopes` (an object: each scope, and what it permits in plain words). Each token is for one of them alone. See docs/agents.md.',
    derivedDefault: 'none: no client can come by itself',
    recommendation: 'Give each resource narrow scopes: the consent page shows them to the user.',
    example:
      '[{"resource":"https://notes.example.org/mcp","resource_name":"Notes","scopes":{"notes:read":"Read your notes"}}]',
  }),
});
