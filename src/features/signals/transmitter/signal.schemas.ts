import { z } from 'zod';
import { exampleId, idSchema } from '../../../platform/core/id.schema.js';

/** Text without control characters: PostgreSQL can't store all of them. */
const text = z.string().regex(/^\P{Cc}*$/u, { error: 'must have no control characters' });

const caep = 'https://schemas.openid.net/secevent/caep/event-type';
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type';

/** Types of events that are sent (CAEP 1.0), by their last segment. */
export const eventTypes = {
  sessionRevoked: `${caep}/session-revoked`,
  credentialChange: `${caep}/credential-change`,
  tokenClaimsChange: `${caep}/token-claims-change`,
} as const;

/** Type of the event with which a receiver tests its stream (SSF 1.0 section 8.1.4). */
export const verificationType = `${ssf}/verification`;

/** Methods of delivery: RFC 8935 and RFC 8936. */
export const deliveryMethods = { push: 'urn:ietf:rfc:8935', poll: 'urn:ietf:rfc:8936' } as const;

/** A stream's id as a receiver gives it. One of another form is unknown, and not malformed (SSF 1.0 section 8.1.1.2). */
const streamId = z
  .string()
  .max(200)
  .toLowerCase()
  .meta({ description: 'Id of the stream.', example: exampleId });

const eventList = z
  .array(text.min(1).max(200))
  .max(50)
  .meta({ example: [eventTypes.sessionRevoked] });

const givenDelivery = z.discriminatedUnion('method', [
  z.object({ method: z.literal(deliveryMethods.poll) }),
  z.object({
    method: z.literal(deliveryMethods.push),
    endpoint_url: text
      .max(2000)
      .pipe(z.url())
      .meta({ description: 'URL to which events are pushed.', example: 'https://siem.example.org/events' }),
    authorization_header: z
      .string()
      .min(1)
      .max(4000)
      .regex(/^[\x20-\x7e]+$/)
      .optional()
      .meta({
        description: 'Value of the `Authorization` header sent with each event. It is never returned.',
      }),
  }),
]);

const description = text.max(255);

/** Body of `POST /ssf/streams`. Members that a receiver may not set are ignored (SSF 1.0 section 8.1.1.1). */
export const newStreamSchema = z.object({
  events_requested: eventList.optional(),
  delivery: givenDelivery.default({ method: deliveryMethods.poll }),
  description: description.optional(),
});

/** Body of `PATCH /ssf/streams`. */
export const streamChangeSchema = z.object({
  stream_id: streamId,
  events_requested: eventList.optional(),
  delivery: givenDelivery.optional(),
  description: description.optional(),
});

/** Body of `PUT /ssf/streams`. */
export const streamReplacementSchema = newStreamSchema.extend({ stream_id: streamId });

/** Query that names a stream. */
export const streamQuerySchema = z.object({ stream_id: streamId });
export const optionalStreamQuerySchema = z.object({ stream_id: streamId.optional() });

/** A stream's configuration (SSF 1.0 section 8.1.1). */
export const streamSchema = z.object({
  stream_id: idSchema,
  iss: z.string(),
  aud: z.string().meta({ description: 'The `aud` claim of the stream’s events.' }),
  delivery: z.object({ method: z.enum(deliveryMethods), endpoint_url: z.string() }),
  events_supported: z.array(z.string()),
  events_requested: z.array(z.string()),
  events_delivered: z.array(z.string()),
  description: z.string().optional(),
  min_verification_interval: z
    .int()
    .meta({ description: 'Minimum number of seconds between two verification requests.' }),
  inactivity_timeout: z
    .int()
    .meta({ description: 'Seconds after which a stream that nobody reads is disabled.' }),
});
export const streamsSchema = z.union([streamSchema, z.array(streamSchema)]);

const statuses = z.enum(['enabled', 'paused', 'disabled']);

/** Body of `POST /ssf/status`. */
export const statusChangeSchema = z.object({
  stream_id: streamId,
  status: statuses,
  reason: text.max(255).optional(),
});

/** A stream's status (SSF 1.0 section 8.1.2). */
export const statusSchema = z.object({
  stream_id: idSchema,
  status: statuses,
  reason: z.string().optional(),
});

/** Body of `POST /ssf/verify`. */
export const verificationSchema = z.object({
  stream_id: streamId,
  state: text.max(1000).optional(),
});

/** Body of a poll (RFC 8936 section 2.4). */
export const pollSchema = z.object({
  maxEvents: z.int().min(0).max(1000).default(100).meta({ example: 100 }),
  returnImmediately: z.boolean().default(false).meta({ example: true }),
  ack: z.array(z.string().max(200)).max(1000).default([]),
  setErrs: z
    .record(z.string().max(200), z.object({ err: z.string(), description: z.string().optional() }))
    .default({}),
});

/** Answer to a poll (RFC 8936 section 2.5). */
export const pollAnswerSchema = z.object({
  sets: z.record(z.string(), z.string()).meta({ description: 'Security event tokens, keyed by `jti`.' }),
  moreAvailable: z.boolean(),
});
