import { z } from 'zod';
import { timestamp } from '../platform/time/timestamp.schema.js';
import { nextCursor as anyCursor } from '../platform/http/page-cursor.js';
import { exampleId, idSchema } from '../platform/core/id.schema.js';

/** A role in an organisation. */
export const roleSchema = z.enum(['owner', 'admin', 'member'], { error: 'must be owner, admin or member' });

/** How people join an organisation. */
export const joinPolicySchema = z
  .enum(['domain', 'approval', 'invite'], { error: 'must be domain, approval or invite' })
  .meta({
    description:
      'How people with a verified e-mail address in `domain` join: by themselves (`domain`), after an owner or admin approves (`approval`), or only by invite (`invite`).',
    example: 'approval',
  });

/** Which members of an organisation must use a second factor. */
export const secondFactorSchema = z
  .enum(['none', 'admins', 'everyone'], { error: 'must be none, admins or everyone' })
  .meta({
    description:
      'Which members must use a second factor: no one, owners and admins, or everyone. To require it, the caller must have logged in with one.',
    example: 'none',
  });

/** An organisation, as responses contain it. */
export const orgSchema = z.object({
  id: idSchema,
  slug: z.string().meta({ example: 'analytical-engines' }),
  name: z.string().meta({ example: 'Analytical Engines' }),
  domain: z
    .string()
    .nullable()
    .meta({ description: 'The e-mail domain that the organisation has or claims.', example: 'example.org' }),
  domainState: z.enum(['none', 'unconfirmed', 'confirmed']).meta({
    description: 'People with an address in `domain` can join only once it is `confirmed`.',
  }),
  domainProof: z.enum(['dns', 'administrator']).nullable().meta({
    description: 'How the domain was confirmed; null if it isn’t.',
  }),
  domainRecord: z
    .object({
      name: z.string().meta({ example: '_vestibule-challenge.example.org' }),
      value: z.string().meta({ example: `vestibule-org=${exampleId}` }),
    })
    .nullable()
    .meta({ description: 'The DNS TXT record that confirms the domain; null without a domain.' }),
  joinPolicy: joinPolicySchema,
  secondFactor: secondFactorSchema,
  role: roleSchema
    .nullable()
    .meta({ description: 'The caller’s role in the organisation; null if they aren’t a member.' }),
  createdAt: timestamp,
  updatedAt: timestamp,
});

/** `nextCursor` with the example of a short list. */
export const nextCursor = anyCursor.meta({ example: null });

export type OrgAnswer = z.output<typeof orgSchema>;
