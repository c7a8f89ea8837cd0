import { createHash } from 'node:crypto';
import { z } from 'zod';

/** How a client that no administrator registered came to be known. */
export const agentKinds = ['metadata_document', 'registration'] as const;

const metadataSchema = z.looseObject({
  agent: z.looseObject({
    kind: z.enum(agentKinds),
    client_id: z.string(),
  }),
});

/** A client that registered itself: unverified, and public. */
export interface AgentClient {
  readonly kind: (typeof agentKinds)[number];
  /** Its id at Hydra. */
  readonly id: string;
  /** Its `client_id`, as it knows it. */
  readonly clientId: string;
}

/** What is known of a client that registered itself; undefined for any other. */
export function agentOf(client: {
  readonly client_id: string;
  readonly metadata?: unknown;
}): AgentClient | undefined {
  const agent = metadataSchema.safeParse(client.metadata).data?.agent;
  return agent && { kind: agent.kind, id: client.client_id, clientId: agent.client_id };
}

/** Whether a `client_id` is the address of a metadata document. */
export function isDocumentUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/** Whether an id at Hydra is that of a client that registered itself. */
export function isAgentId(id: string): boolean {
  return /^(?:cimd|dcr)-/.test(id);
}

/** Whether an id at Hydra is that of a client with a metadata document. */
export function hasDocument(id: string): boolean {
  return id.startsWith('cimd-');
}

/** The id at Hydra, whose paths hold no URLs, of a `client_id`. */
export function hydraIdOf(clientId: string): string {
  return isDocumentUrl(clientId)
    ? `cimd-${createHash('sha256').update(clientId).digest('base64url')}`
    : clientId;
}
