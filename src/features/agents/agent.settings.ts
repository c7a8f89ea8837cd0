import { z } from 'zod';
import { commaList, flag, hostList, variableDocs } from '../../platform/config/variable.js';
import { type SettingsOf, defineSettings } from '../../platform/features/feature.js';

/** An address of a program on the user's device. What a browser itself opens or runs isn't one. */
const nativeUri = z
  .string()
  .refine(
    (text) =>
      /^[a-z][a-z\d+.-]*:\/\/[^\s#*\\@]+$/.test(text) &&
      !/^(?:https?|wss?|ftp|file|javascript|data|vbscript|blob|filesystem|about|view-source|intent):/.test(
        text,
      ) &&
      URL.canParse(text),
    { error: 'must be addresses with a scheme of their own (myapp://callback), written in full' },
  );

/** Settings of clients that register themselves (docs/agents.md). */
export const agentSettings = defineSettings('agentSettings', {
  DYNAMIC_REGISTRATION: flag.default(false).register(variableDocs, {
    description:
      'Whether anyone may register a public client by a request to `/oauth2/register` (RFC 7591). Needs `PROTECTED_RESOURCES`. See docs/agents.md.',
    recommendation:
      'Leave it off if your clients can send a metadata document or can be registered by an administrator.',
    example: 'true',
  }),
  AGENT_REDIRECT_URIS: commaList.pipe(z.array(nativeUri)).default([]).register(variableDocs, {
    description:
      'Further redirect URIs that a client that registers itself may have, for programs on the user’s device whose scheme isn’t the reverse of a domain name. Cursor’s is known. Compared exactly.',
    recommendation: 'Only programs that your users have: on another device, anyone may claim the scheme.',
    example: 'myeditor://agents/callback',
  }),
  CLIENT_METADATA_HOSTS: hostList.default([]).register(variableDocs, {
    description:
      'Hosts from which the metadata document of a client is read although their addresses are private. Others must be public. With `AIR_GAPPED`, these are the only ones.',
    recommendation: 'Only hosts whose every port anyone may cause the gateway to read from.',
    example: 'agents.internal,10.0.0.7:8443',
  }),
});

export type AgentSettings = SettingsOf<typeof agentSettings>;
