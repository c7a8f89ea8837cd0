import { protectedResources } from './protected-resources.parser.js';
import { flag, hostList, variableDocs } from './variable.js';

/** Variables for agents and other clients that get tokens for one resource (docs/agents.md). */
export const agentVariables = {
  PROTECTED_RESOURCES: protectedResources.default([]).register(variableDocs, {
    description:
      'Resources for which clients get tokens by themselves, such as MCP servers: a JSON list of objects with `resource` (its URL), `resource_name` and `scopes` (an object: each scope, and what it permits in plain words). Each token is for one of them alone. See docs/agents.md.',
    derivedDefault: 'none: no client can come by itself',
    recommendation: 'Give each resource narrow scopes: the consent page shows them to the user.',
    example:
      '[{"resource":"https://notes.example.org/mcp","resource_name":"Notes","scopes":{"notes:read":"Read your notes"}}]',
  }),
  DYNAMIC_REGISTRATION: flag.default(false).register(variableDocs, {
    description:
      'Whether anyone may register a public client by a request to `/oauth2/register` (RFC 7591). Needs `PROTECTED_RESOURCES`. Such a client is never first-party, its consent page states that it is not verified, and it is removed when it is not used.',
    recommendation:
      'Leave it off if your clients can send a metadata document or can be registered by an administrator.',
    example: 'true',
  }),
  CLIENT_METADATA_HOSTS: hostList.default([]).register(variableDocs, {
    description:
      'Hosts from which the metadata document of a client is read although their addresses are private. Others must be public. With `AIR_GAPPED`, these are the only ones.',
    recommendation: 'Only hosts whose every port anyone may cause the gateway to read from.',
    example: 'agents.internal,10.0.0.7:8443',
  }),
};
