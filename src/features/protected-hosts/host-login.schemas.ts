import { z } from 'zod';

/** Where a host sends browsers for a code, at the origin of `PUBLIC_URL`. */
export const authorizePath = '/auth/hosts/authorize';

/**
 * The query of a host's login: where it leads, and what it requires beyond what the host requires of everyone, for a proxy that requires
 * it of some paths only. A value that can't be used is ignored: the login then requires less, and the host's proxy asks again.
 */
export const hostLoginQuerySchema = z.object({
  return_to: z.string().optional().catch(undefined).meta({
    description: 'Path on the host to return to afterwards; anything else becomes `/`.',
    example: '/list',
  }),
  acr_values: z.literal('aal2').optional().catch(undefined).meta({
    description: '`aal2`: the user must have logged in with a second factor.',
  }),
  verified: z.literal('true').optional().catch(undefined).meta({
    description: '`true`: the e-mail address must be verified.',
  }),
});

/** The query of the request for a code. Unknown parameters are ignored (RFC 6749 section 3.1). */
export const hostAuthorizationSchema = hostLoginQuerySchema.extend({
  host: z.string().max(260).meta({ description: 'The protected host.', example: 'app.example.com' }),
  challenge: z
    .string()
    .regex(/^[\w-]{43}$/, { error: 'must be a SHA-256 in base64url' })
    .meta({
      description: 'SHA-256 hash of a secret that the browser keeps in a cookie of the host.',
      example: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    }),
});

/** A parsed request for a code. */
export type HostAuthorizationRequest = z.output<typeof hostAuthorizationSchema>;
