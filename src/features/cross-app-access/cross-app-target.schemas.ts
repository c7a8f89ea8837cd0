import { z } from 'zod';
import { httpUrl } from '../../platform/config/variable.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { timestamp } from '../../platform/time/timestamp.schema.js';

const longest = 500;

/** A URL as the other side has it: over plain http, anyone on the way could get what is sent there. */
const safeUrl = z
  .string({ error: 'must be an https URL' })
  .max(longest)
  .refine(
    (text) => {
      const url = httpUrl.safeParse(text).success ? new URL(text) : undefined;
      return url?.protocol === 'https:' || (url !== undefined && isLoopbackHost(url.hostname));
    },
    { error: 'must be an https URL' },
  );

const target = {
  audience: safeUrl.meta({
    description:
      'Issuer of the authorization server that accepts the assertions, exactly as its metadata has it.',
    example: 'https://auth.notes.example',
  }),
  resource: safeUrl.meta({
    description: 'Identifier of the resource that the application uses there.',
    example: 'https://notes.example/mcp',
  }),
  clientId: z
    .string({ error: 'must be a text' })
    .regex(/^[ -~]{1,500}$/, { error: 'must be a client id' })
    .meta({ description: 'The application’s client id at that server.', example: 's6BhdRkqt3' }),
  scope: z
    .string({ error: 'must be a text' })
    .regex(/^[!#-[\]-~ ]{0,500}$/, { error: 'must be scopes, separated by blanks' })
    .meta({ description: 'Scopes of the resource that it may ask for there.', example: 'notes:read' }),
};

/** A target to name. */
export const crossAppTargetBodySchema = z.strictObject({ ...target, scope: target.scope.default('') });

/** A target in answers. */
export const crossAppTargetSchema = z
  .object({ id: idSchema, ...target, createdAt: timestamp })
  .meta({ id: 'CrossAppTarget' });

export const crossAppTargetListSchema = z.object({ items: z.array(crossAppTargetSchema) });

export type CrossAppTargetInput = z.output<typeof crossAppTargetBodySchema>;
export type CrossAppTarget = z.output<typeof crossAppTargetSchema>;
