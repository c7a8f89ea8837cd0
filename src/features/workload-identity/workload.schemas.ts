import { z } from 'zod';
import { httpUrl } from '../../platform/config/variable.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { nameTenant } from './tenant-claims.js';

const longest = 500;

/** An issuer as its tokens state it: a slash at its end is part of its name. Over plain http, anyone on the way could be it. */
const issuer = z
  .string({ error: 'must be an https URL' })
  .max(longest)
  .refine(
    (text) => {
      const url = httpUrl.safeParse(text).success ? new URL(text) : undefined;
      const isSafe = url?.protocol === 'https:' || (url !== undefined && isLoopbackHost(url.hostname));
      // Any other spelling of the URL is another issuer, of which there are no tokens.
      return isSafe && (url.href === text || url.href === `${text}/`);
    },
    { error: 'must be an https URL without query, exactly as tokens have it in iss' },
  )
  .meta({
    description: '`iss` of the tokens, compared exactly.',
    example: 'https://token.actions.githubusercontent.com',
  });

const audience = z.string({ error: 'must be a URL' }).max(longest).meta({
  description:
    '`aud` of the tokens, compared exactly: `PUBLIC_URL`, or an address below it. No other service may accept tokens with it. Default: `PUBLIC_URL`.',
  example: 'https://auth.example.org',
});

const claims = z
  .record(
    z.string().regex(/^[!-~]{1,100}$/, { error: 'must have names of claims' }),
    z
      .string({ error: 'must have texts as values' })
      .min(1, { error: 'must not have an empty value' })
      .max(longest)
      .regex(/^[^*\p{Cc}\p{Cs}]*$/u, { error: 'must not have a pattern: values are compared exactly' }),
    { error: 'must be an object with names and values of claims' },
  )
  .refine((given) => Object.keys(given).length <= 10, { error: 'must have at most 10 claims' })
  .refine(nameTenant, {
    error:
      'must have sub; or repository_id or repository_owner_id with ref or environment; or project_id or namespace_id with environment, or with ref and ref_type; or kubernetes.io/namespace with kubernetes.io/serviceaccount/name',
  })
  .meta({
    description:
      'Claims that a token must have, each with exactly this value. Together they must name one tenant of the issuer: `sub`; or `repository_id` or `repository_owner_id` with `ref` or `environment` (GitHub); or `project_id` or `namespace_id` with `environment`, or with `ref` and `ref_type` (GitLab); or `kubernetes.io/namespace` with `kubernetes.io/serviceaccount/name`.',
    example: { repository_id: '1296269', ref: 'refs/heads/main' },
  });

/** A rule to make. */
export const workloadBodySchema = z.strictObject({ issuer, audience: audience.optional(), claims });

/** A rule in answers. */
export const workloadSchema = z
  .object({
    id: idSchema,
    issuer,
    audience,
    claims: z.record(z.string(), z.string()).meta({ description: 'Claims that a token must have.' }),
    createdAt: timestamp,
  })
  .meta({ id: 'Workload' });

export const workloadListSchema = z.object({ items: z.array(workloadSchema) });

export type WorkloadInput = z.output<typeof workloadBodySchema>;
export type WorkloadItem = z.output<typeof workloadSchema>;
