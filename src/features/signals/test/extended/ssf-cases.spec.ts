import { randomUUID } from 'node:crypto';
import { type JWK, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { administratorAt } from '../../../../../test/support/administrator.js';
import { makeKey, send } from '../../../../../test/support/api.caller.js';
import {
  type Gateway,
  type GatewayAnswer,
  type GatewayRequest,
  type HeldSession,
  startGateway,
} from '../../../../../test/support/gateway.js';
import {
  type PushedEvent,
  type SignalReceiver,
  startSignalReceiver,
} from '../../../../../test/support/signal.receiver.js';
import { waitUntil } from '../../../../../test/support/stack.js';
import { SignalDatabase } from '../../signal.schema.js';

/*
 * What the modules of the OpenID Foundation's suite do to a transmitter of shared signals, in their order, with their names. They judge by
 * the profile for CAEP, where it asks for more. What differs: the token is an API key, nothing waits longer than it must, and the
 * connection has no TLS, although every address is one with https.
 */

const push = 'urn:ietf:rfc:8935';
const poll = 'urn:ietf:rfc:8936';
const caep = 'https://schemas.openid.net/secevent/caep/event-type';
const verificationType = 'https://schemas.openid.net/secevent/ssf/event-type/verification';
const [sessionRevoked, credentialChange] = [`${caep}/session-revoked`, `${caep}/credential-change`];
const requestedEvents = [sessionRevoked, credentialChange, `${caep}/device-compliance-change`];
const knownEvents = [...requestedEvents, `${caep}/token-claims-change`];
const languageTag = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/;

type Mode = 'push' | 'poll';
type Json = Readonly<Record<string, unknown>>;

const metadataSchema = z.looseObject({
  spec_version: z.string().regex(/^1_0(?:-|$)/),
  issuer: z.string(),
  jwks_uri: z.string(),
  configuration_endpoint: z.string(),
  status_endpoint: z.string(),
  verification_endpoint: z.string(),
  delivery_methods_supported: z.array(z.string()).min(1),
  authorization_schemes: z.array(z.looseObject({ spec_urn: z.string().startsWith('urn:') })),
  default_subjects: z.enum(['ALL', 'NONE']),
});
const streamSchema = z.looseObject({
  stream_id: z.string().min(1),
  iss: z.string(),
  aud: z.string(),
  delivery: z.looseObject({ method: z.enum([push, poll]), endpoint_url: z.url() }),
  events_supported: z.array(z.enum(knownEvents)),
  events_requested: z.array(z.string()),
  events_delivered: z.array(z.string()),
  description: z.string().optional(),
});
type Stream = z.output<typeof streamSchema>;
const statusSchema = z.looseObject({
  stream_id: z.string(),
  status: z.enum(['enabled', 'paused', 'disabled']),
});
const pollAnswerSchema = z.looseObject({
  sets: z.record(z.string(), z.string().min(1)),
  moreAvailable: z.boolean().optional(),
});
const simpleSubject = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('iss_sub'), iss: z.string(), sub: z.string() }),
  z.strictObject({ format: z.literal('opaque'), id: z.string() }),
  z.strictObject({ format: z.literal('uri'), uri: z.url() }),
]);
const subjectSchema = z.union([
  simpleSubject,
  z
    .object({ format: z.literal('complex') })
    .catchall(simpleSubject)
    .refine((subject) => Object.keys(subject).length > 1),
]);
const claimsSchema = z.looseObject({
  iss: z.string(),
  aud: z.string(),
  iat: z.int(),
  jti: z.string().min(1),
  txn: z.string().min(1),
  sub_id: subjectSchema,
  events: z.record(z.string(), z.looseObject({})),
});
const reasonSchema = z
  .record(z.string().regex(languageTag), z.string())
  .refine((reason) => Object.keys(reason).length > 0);
const caepSchema = z.looseObject({
  event_timestamp: z.number().nonnegative().lt(100_000_000_000),
  initiating_entity: z.enum(['admin', 'user', 'policy', 'system']).optional(),
  reason_admin: reasonSchema,
});

/** An event that was accepted. */
interface Event {
  readonly type: string;
  readonly data: Json;
  readonly jti: string;
}

let receiver: SignalReceiver;
let gateway: Gateway;
let administrator: HeldSession;
let key: string;
let metadata: z.output<typeof metadataSchema>;

beforeAll(async () => {
  receiver = await startSignalReceiver();
  gateway = await startGateway({ SIGNAL_PUSH_HOSTS: receiver.host });
  administrator = await administratorAt(gateway);
  const as = { authorization: administrator.bearer };
  ({ key } = await makeKey(gateway, as, { scope: 'revocations:read' }));
});

afterAll(async () => {
  await gateway?.stop();
  await receiver?.close();
});

/** What each module begins with: the metadata, and no stream of before. */
beforeEach(async () => {
  metadata = metadataSchema.parse(bodyOf(await gateway.request('/.well-known/ssf-configuration'), 200));
  for (const { stream_id: id } of await listStreams()) {
    await deleteStream(id);
  }
  receiver.received.length = 0;
});

/** What each module ends with. */
afterEach(async () => {
  for (const { stream_id: id } of await listStreams()) {
    await deleteStream(id);
  }
});

/** The JSON of an answer. */
function bodyOf({ status, headers, text }: GatewayAnswer, expected: number): unknown {
  expect([status, text]).toEqual([expected, expect.any(String)]);
  expect(headers['content-type']).toMatch(/^application\/json\b/);
  return JSON.parse(text);
}

/** Calls an address of the transmitter. @param token none if it's empty. */
async function call(
  method: NonNullable<GatewayRequest['method']>,
  url: string,
  body?: unknown,
  token = key,
): Promise<GatewayAnswer> {
  const { PUBLIC_URL } = gateway.configuration;
  expect(url.startsWith(`${PUBLIC_URL}/`) && url.startsWith('https://')).toBe(true);
  return gateway.request(url.slice(PUBLIC_URL.length), {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const withId = (url: string, id: string): string => `${url}?stream_id=${id}`;
const invalidToken = (): string => `invalid:${randomUUID()}`;
const broken = ';{ broken';

/** The configuration that the suite sends. */
const configurationOf = (mode: Mode, authorization?: string): Json => ({
  description: 'A stream of a test',
  events_requested: requestedEvents,
  delivery:
    mode === 'poll'
      ? { method: poll }
      : {
          method: push,
          endpoint_url: receiver.url,
          ...(authorization === undefined ? {} : { authorization_header: authorization }),
        },
});

async function createStream(configuration: Json): Promise<Stream> {
  const stream = expectStream(await call('POST', metadata.configuration_endpoint, configuration), 201);
  const { delivery } = z
    .object({ delivery: z.looseObject({ endpoint_url: z.string().optional() }) })
    .parse(configuration);
  expect(stream.delivery).toMatchObject({
    method: delivery['method'],
    // That for polls is the transmitter's own.
    endpoint_url: delivery.endpoint_url ?? stream.delivery.endpoint_url,
  });
  return stream;
}

/** A stream's configuration, with what belongs in one. */
function expectStream(answer: GatewayAnswer, status: number): Stream {
  const stream = streamSchema.parse(bodyOf(answer, status));
  expect(stream.iss).toBe(metadata.issuer);
  expect(stream.events_delivered).toEqual(
    stream.events_supported.filter((type) => stream.events_requested.includes(type)),
  );
  return stream;
}

async function readStream(id: string): Promise<Stream> {
  return expectStream(await call('GET', withId(metadata.configuration_endpoint, id)), 200);
}

async function listStreams(): Promise<readonly Stream[]> {
  return z.array(streamSchema).parse(bodyOf(await call('GET', metadata.configuration_endpoint), 200));
}

async function deleteStream(id: string): Promise<void> {
  const { status } = await call('DELETE', withId(metadata.configuration_endpoint, id));
  expect(status).toBe(204);
}

/** The id of a stream that there was. */
async function unknownStream(mode: Mode): Promise<string> {
  const { stream_id: id } = await createStream(configurationOf(mode));
  await deleteStream(id);
  return id;
}

async function readStatus(id: string): Promise<string> {
  const answer = bodyOf(await call('GET', withId(metadata.status_endpoint, id)), 200);
  const { stream_id: of, status } = statusSchema.parse(answer);
  expect(of).toBe(id);
  return status;
}

async function setStatus(id: string, status: string): Promise<void> {
  const answer = await call('POST', metadata.status_endpoint, { stream_id: id, status });
  expect(statusSchema.parse(bodyOf(answer, 200))).toMatchObject({ stream_id: id, status });
}

/** Asks for a verification event. @returns the state that it will have. */
async function trigger({ stream_id: id }: Stream): Promise<string> {
  // The suite waits for as long as `min_verification_interval` says.
  const { query } = gateway.app.get(SignalDatabase, { strict: false });
  await query.updateTable('signal_streams').set({ verification_at: 0 }).where('id', '=', id).execute();
  const state = randomUUID();
  const { status } = await call('POST', metadata.verification_endpoint, { stream_id: id, state });
  expect(status).toBe(204);
  return state;
}

/** The answer to a poll, which has no more events than it may. */
async function pollStream(
  { delivery }: Stream,
  body: { readonly maxEvents?: number; readonly [member: string]: unknown } = {},
): Promise<Readonly<Record<string, string>>> {
  const request = { maxEvents: 10, returnImmediately: true, ...body };
  const answer = await call('POST', delivery.endpoint_url, request);
  const { sets } = pollAnswerSchema.parse(bodyOf(answer, 200));
  expect(Object.keys(sets).length).toBeLessThanOrEqual(request.maxEvents);
  return sets;
}

/** Verifies a security event token: signature, key, type and claims. */
async function accept(token: string, stream: Stream): Promise<Event> {
  const { keys } = z
    .object({ keys: z.array(z.custom<JWK>()) })
    .parse(bodyOf(await call('GET', metadata.jwks_uri, undefined, ''), 200));
  const header = decodeProtectedHeader(token);
  expect(header).toMatchObject({ alg: 'RS256', typ: 'secevent+jwt' });
  const signer = keys.find(({ kid }) => kid === header.kid);
  expect(signer).toMatchObject({ kty: 'RSA', use: 'sig' });
  expect(Buffer.from(signer?.n ?? '', 'base64url').length * 8).toBeGreaterThanOrEqual(2048);
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }));
  const claims = claimsSchema.parse(payload);
  expect([payload.sub, payload.exp]).toEqual([undefined, undefined]);
  expect([claims.iss, claims.aud]).toEqual([stream.iss, stream.aud]);
  expect(claims.iat).toBeLessThanOrEqual(Date.now() / 1000);
  const [[type = '', data = {}] = [], ...others] = Object.entries(claims.events);
  expect(others).toEqual([]);
  if (type === verificationType) {
    expectStreamAsSubject(claims.sub_id, stream);
  } else {
    expectCaep(type, data, claims.sub_id);
  }
  return { type, data, jti: claims.jti };
}

function expectStreamAsSubject(subject: unknown, { stream_id: id }: Stream): void {
  expect(subject).toEqual({ format: 'opaque', id });
}

/** Holds that an event is one of CAEP, as its profile wants it. */
function expectCaep(type: string, data: Json, subject: z.output<typeof subjectSchema>): void {
  caepSchema.parse(data);
  // A complex subject gets a warning of the suite's: only with it can a session be named.
  expect(['iss_sub', 'complex']).toContain(subject.format);
  if (type === credentialChange) {
    expect(data).toMatchObject({
      credential_type: expect.any(String),
      change_type: expect.stringMatching(/^(?:create|revoke|update|delete)$/),
    });
  } else if (type !== sessionRevoked) {
    expect([type, Object.keys(Object(data['claims']))]).toEqual([
      `${caep}/token-claims-change`,
      expect.arrayContaining([expect.any(String)]),
    ]);
  }
}

/** Holds that the events have the verification with this state, and none with another. */
async function expectVerified(
  sets: Readonly<Record<string, string>>,
  stream: Stream,
  state: string,
): Promise<void> {
  const events = await Promise.all(Object.values(sets).map(async (token) => accept(token, stream)));
  expect(events.map(({ jti }) => jti).toSorted()).toEqual(Object.keys(sets).toSorted());
  const states = events.filter(({ type }) => type === verificationType).map(({ data }) => data['state']);
  expect(states).toEqual([state]);
}

/** Verifies everything that was pushed to a stream, until one is as it should be. */
async function expectPushed(
  stream: Stream,
  authorization: string | undefined,
  isIt: (event: Event) => boolean,
): Promise<void> {
  let judged = 0;
  const judge = async ({ method, headers, token }: PushedEvent): Promise<boolean> => {
    expect([method, headers['content-type'], headers.accept, headers.authorization]).toEqual([
      'POST',
      'application/secevent+jwt',
      'application/json',
      authorization,
    ]);
    return isIt(await accept(token, stream));
  };
  await waitUntil(async () => {
    for (; judged < receiver.received.length; judged += 1) {
      const event = receiver.received[judged];
      if (event !== undefined && (await judge(event))) {
        return true;
      }
    }
    return false;
  }, 'the event to be pushed');
}

const isVerification =
  (state: string) =>
  ({ type, data }: Event): boolean =>
    type === verificationType && data['state'] === state;

/** Holds that a request was refused for its token. @param error none where there was no token. */
function expectUnauthorized({ status, headers }: GatewayAnswer, error?: string): void {
  expect([status, headers['www-authenticate']]).toEqual([
    401,
    error === undefined ? 'Bearer' : `Bearer error="${error}"`,
  ]);
}

const modes = [['push'], ['poll']] as const;

it.each(modes)('the metadata, for %s [openid-ssf-transmitter-metadata]', async (mode) => {
  expect(metadata.issuer).toBe(gateway.configuration.PUBLIC_URL);
  const members = Object.entries(metadata);
  const addresses = members.filter(([name]) => name === 'jwks_uri' || name.endsWith('_endpoint'));
  expect(addresses.filter(([, value]) => !String(value).startsWith('https://'))).toEqual([]);
  expect(members.filter(([, value]) => Array.isArray(value) && value.length === 0)).toEqual([]);
  expect(metadata.authorization_schemes).toContainEqual({ spec_urn: 'urn:ietf:rfc:6749' });
  expect(metadata.delivery_methods_supported).toContain(mode === 'push' ? push : poll);
  await createStream(configurationOf(mode));
  const { keys } = z
    .object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })) })
    .parse(bodyOf(await call('GET', metadata.jwks_uri, undefined, ''), 200));
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  expect(keys.flatMap((jwk) => ['d', 'k', 'p', 'q'].filter((name) => name in jwk))).toEqual([]);
});

it('no token: a bare challenge [openid-ssf-stream-control-error-read-stream-without-token]', async () => {
  expectUnauthorized(await call('GET', metadata.configuration_endpoint, undefined, ''));
});

it('a token in the query is refused [openid-ssf-stream-control-error-token-in-uri-query]', async () => {
  const { stream_id: id } = await createStream(configurationOf('poll'));
  const url = `${withId(metadata.configuration_endpoint, id)}&access_token=${key}`;
  expect((await call('GET', url, undefined, '')).status).toBe(400);
});

it.each(modes)(
  'a token without the scope creates none, for %s [openid-ssf-stream-control-error-create-stream-with-read-only-token]',
  async (mode) => {
    const narrow = await makeKey(gateway, { authorization: administrator.bearer }, { scope: 'profile:read' });
    const { status, headers } = await call(
      'POST',
      metadata.configuration_endpoint,
      configurationOf(mode),
      narrow.key,
    );
    expect([status, headers['www-authenticate']]).toEqual([
      403,
      'Bearer error="insufficient_scope", scope="revocations:read"',
    ]);
    expect(await listStreams()).toEqual([]);
  },
);

it.each(modes)(
  'the status, with an invalid token, for %s [openid-ssf-stream-control-error-read-stream-status-with-invalid-token]',
  async (mode) => {
    const { stream_id: id } = await createStream(configurationOf(mode));
    const answer = await call('GET', withId(metadata.status_endpoint, id), undefined, invalidToken());
    expectUnauthorized(answer, 'invalid_token');
  },
);

it.each(modes)(
  'the status of an unknown stream, for %s [openid-ssf-stream-control-error-read-status-of-unknown-stream]',
  async (mode) => {
    const id = await unknownStream(mode);
    expect((await call('GET', withId(metadata.status_endpoint, id))).status).toBe(404);
  },
);

it.each(modes)(
  'a verification that cannot be parsed, for %s [openid-ssf-transmitter-stream-verification-error-invalid-body]',
  async (mode) => {
    await createStream(configurationOf(mode));
    expect((await call('POST', metadata.verification_endpoint, '{"stream_id": ')).status).toBe(400);
  },
);

it.each(modes)(
  'a verification with an invalid token, for %s [openid-ssf-transmitter-stream-verification-error-invalid-token]',
  async (mode) => {
    const { stream_id: id } = await createStream(configurationOf(mode));
    const body = { stream_id: id, state: randomUUID() };
    const answer = await call('POST', metadata.verification_endpoint, body, invalidToken());
    expectUnauthorized(answer, 'invalid_token');
  },
);

it.each(modes)(
  'a verification of an unknown stream, for %s [openid-ssf-transmitter-stream-verification-error-unknown-stream]',
  async (mode) => {
    const body = { stream_id: await unknownStream(mode), state: randomUUID() };
    expect((await call('POST', metadata.verification_endpoint, body)).status).toBe(404);
  },
);

it('the address for polls is as well protected [openid-ssf-transmitter-poll-endpoint-authorization]', async () => {
  const { delivery } = await createStream(configurationOf('poll'));
  const body = { maxEvents: 10, returnImmediately: true };
  expectUnauthorized(await call('POST', delivery.endpoint_url, body, ''));
  expectUnauthorized(await call('POST', delivery.endpoint_url, body, invalidToken()), 'invalid_token');
});

it('a stream is polled unless it says otherwise [openid-ssf-stream-control-create-stream-without-delivery]', async () => {
  const { delivery: _delivery, ...configuration } = configurationOf('poll');
  const stream = expectStream(await call('POST', metadata.configuration_endpoint, configuration), 201);
  expect(stream.delivery).toEqual({ method: poll, endpoint_url: expect.stringMatching(/^https:\/\/./) });
  await deleteStream(stream.stream_id);
});

it('each stream has an address of its own for polls [openid-ssf-transmitter-poll-endpoint-url-unique-per-stream]', async () => {
  const first = await createStream(configurationOf('poll'));
  const second = await createStream(configurationOf('poll'));
  expect(first.delivery.endpoint_url).not.toBe(second.delivery.endpoint_url);
  await deleteStream(second.stream_id);
  await deleteStream(first.stream_id);
});

it('a poll that may wait [openid-ssf-transmitter-stream-verification-long-poll]', async () => {
  const stream = await createStream(configurationOf('poll'));
  const state = await trigger(stream);
  await expectVerified(await pollStream(stream, { returnImmediately: false }), stream, state);
});

it.each(modes)('a stream by %s, from begin to end [openid-ssf-stream-control-happy-path]', async (mode) => {
  const configuration = configurationOf(mode, 'Bearer of-the-receiver');
  const unknown = 'https://example.test/unknown';
  const created = await createStream({ ...configuration, events_requested: [...requestedEvents, unknown] });
  const id = created.stream_id;
  expect(created.events_delivered).toEqual([sessionRevoked, credentialChange]);

  expect(await readStream(id)).toEqual(created);
  expect(await listStreams()).toEqual([created]);

  // The profile for CAEP asks for no changes; the framework does.
  const delivery = { method: created.delivery.method };
  const changed = { ...configuration, description: 'A changed one' };
  const { configuration_endpoint: url } = metadata;
  const reflected = { description: 'A changed one', events_requested: requestedEvents, delivery };
  expect(expectStream(await call('PATCH', url, { ...changed, stream_id: id }), 200)).toMatchObject(reflected);
  expect(await readStream(id)).toMatchObject(reflected);
  const replacement = { ...configuration, description: 'Another one' };
  const replaced = { ...reflected, description: 'Another one' };
  expect(expectStream(await call('PUT', url, { ...replacement, stream_id: id }), 200)).toMatchObject(
    replaced,
  );
  expect(await readStream(id)).toMatchObject(replaced);
  const reduced = {
    stream_id: id,
    events_requested: [sessionRevoked],
    delivery: configuration['delivery'],
  };
  for (const stream of [expectStream(await call('PUT', url, reduced), 200), await readStream(id)]) {
    expect(stream).not.toHaveProperty('description');
    expect(stream).toMatchObject({
      delivery,
      events_requested: [sessionRevoked],
      events_delivered: [sessionRevoked],
    });
  }

  expect(await readStatus(id)).toBe('enabled');
  for (const status of ['enabled', 'paused', 'disabled']) {
    await setStatus(id, status);
  }

  await deleteStream(id);
  expect(await listStreams()).toEqual([]);
});

it('a body that cannot be parsed [openid-ssf-stream-control-error-create-stream-with-broken-input]', async () => {
  expect((await call('POST', metadata.configuration_endpoint, broken)).status).toBe(400);
});

it.each(modes)(
  'an invalid token creates none, for %s [openid-ssf-stream-control-error-create-stream-with-invalid-token]',
  async (mode) => {
    const { configuration_endpoint: url } = metadata;
    expectUnauthorized(await call('POST', url, configurationOf(mode), invalidToken()), 'invalid_token');
  },
);

it.each(modes)(
  'a receiver has several streams, by %s [openid-ssf-stream-control-error-create-stream-with-duplicate-config]',
  async (mode) => {
    const first = await createStream(configurationOf(mode));
    const second = await createStream(configurationOf(mode));
    expect(second.stream_id).not.toBe(first.stream_id);
  },
);

it('an invalid token reads none [openid-ssf-stream-control-error-read-stream-with-invalid-token]', async () => {
  const answer = await call('GET', metadata.configuration_endpoint, undefined, invalidToken());
  expectUnauthorized(answer, 'invalid_token');
});

it.each(modes)(
  'an unknown stream is not read, by %s [openid-ssf-stream-control-error-read-unknown-stream]',
  async (mode) => {
    const id = await unknownStream(mode);
    expect((await call('GET', withId(metadata.configuration_endpoint, id))).status).toBe(404);
  },
);

describe.each(modes)('changes of streams by %s', (mode) => {
  const change = (method: 'PATCH' | 'PUT', id: string, token?: string): Promise<GatewayAnswer> =>
    call(method, metadata.configuration_endpoint, { ...configurationOf(mode), stream_id: id }, token);

  it('with an invalid token [openid-ssf-stream-control-error-update-stream-with-invalid-token]', async () => {
    const { stream_id: id } = await createStream(configurationOf(mode));
    expectUnauthorized(await change('PATCH', id, invalidToken()), 'invalid_token');
  });

  it('that cannot be parsed [openid-ssf-stream-control-error-update-stream-with-invalid-body]', async () => {
    await createStream(configurationOf(mode));
    expect((await call('PATCH', metadata.configuration_endpoint, broken)).status).toBe(400);
  });

  it('of an unknown one [openid-ssf-stream-control-error-update-unknown-stream]', async () => {
    expect((await change('PATCH', await unknownStream(mode))).status).toBe(404);
  });

  it('as a whole, that cannot be parsed [openid-ssf-stream-control-error-replace-stream-with-invalid-body]', async () => {
    await createStream(configurationOf(mode));
    expect((await call('PUT', metadata.configuration_endpoint, broken)).status).toBe(400);
  });

  it('as a whole, with an invalid token [openid-ssf-stream-control-error-replace-stream-with-invalid-token]', async () => {
    const { stream_id: id } = await createStream(configurationOf(mode));
    expectUnauthorized(await change('PUT', id, invalidToken()), 'invalid_token');
  });

  it('as a whole, of an unknown one [openid-ssf-stream-control-error-replace-unknown-stream]', async () => {
    expect((await change('PUT', await unknownStream(mode))).status).toBe(404);
  });

  it('their end, with an invalid token [openid-ssf-stream-control-error-delete-stream-with-invalid-token]', async () => {
    const url = withId(metadata.configuration_endpoint, await unknownStream(mode));
    expectUnauthorized(await call('DELETE', url, undefined, invalidToken()), 'invalid_token');
  });

  it('the end of an unknown one [openid-ssf-stream-control-error-delete-unknown-stream]', async () => {
    const url = withId(metadata.configuration_endpoint, await unknownStream(mode));
    expect((await call('DELETE', url)).status).toBe(404);
  });
});

it('a verification is pushed, with the receiver’s secret [openid-ssf-transmitter-stream-verification-push]', async () => {
  const authorization = `Bearer push_token_${randomUUID()}`;
  const stream = await createStream(configurationOf('push', authorization));
  await expectPushed(stream, authorization, isVerification(await trigger(stream)));
});

it('a verification is polled [openid-ssf-transmitter-stream-verification-poll-only]', async () => {
  const stream = await createStream(configurationOf('poll'));
  const state = await trigger(stream);
  await expectVerified(await pollStream(stream), stream, state);
});

it('one poll takes and acknowledges [openid-ssf-transmitter-stream-verification-poll-and-ack]', async () => {
  const stream = await createStream(configurationOf('poll'));
  await trigger(stream);
  const first = await pollStream(stream);
  const state = await trigger(stream);
  await expectVerified(await pollStream(stream, { ack: Object.keys(first) }), stream, state);
});

it('a poll acknowledges alone [openid-ssf-transmitter-stream-verification-ack-only]', async () => {
  const stream = await createStream(configurationOf('poll'));
  const state = await trigger(stream);
  const sets = await pollStream(stream);
  await expectVerified(sets, stream, state);
  expect(await pollStream(stream, { maxEvents: 0, ack: Object.keys(sets) })).toEqual({});
});

it('a poll reports an error [openid-ssf-transmitter-stream-verification-set-errs]', async () => {
  const stream = await createStream(configurationOf('poll'));
  const state = await trigger(stream);
  const sets = await pollStream(stream);
  await expectVerified(sets, stream, state);
  const setErrs = Object.fromEntries(
    Object.keys(sets).map((jti) => [jti, { err: 'invalid_request', description: 'a test' }]),
  );
  expect(await pollStream(stream, { maxEvents: 0, setErrs })).toEqual({});
  expect(await pollStream(stream)).not.toHaveProperty(Object.keys(sets)[0] ?? '');
});

describe.each(modes)('a stream by %s that does not run', (mode) => {
  async function expectNothing(stream: Stream): Promise<void> {
    expect(await pollStream(stream)).toEqual({});
  }

  /** Holds that another stream has its turn, and nothing is pushed to any other: the stopped one has had its turn then, too. */
  async function expectOthersTurn(): Promise<void> {
    const other = await createStream(configurationOf('push'));
    await expectPushed(other, undefined, isVerification(await trigger(other)));
    await deleteStream(other.stream_id);
  }

  /** Asks a stream for a verification while it has another status, and holds that nothing comes. */
  async function verifyStopped(status: string): Promise<{ stream: Stream; state: string }> {
    const stream = await createStream(configurationOf(mode));
    expect(await readStatus(stream.stream_id)).toBe('enabled');
    await setStatus(stream.stream_id, status);
    receiver.received.length = 0;
    const state = await trigger(stream);
    await (mode === 'poll' ? expectNothing(stream) : expectOthersTurn());
    await setStatus(stream.stream_id, 'enabled');
    return { stream, state };
  }

  const expectLater = async (stream: Stream, state: string): Promise<void> =>
    mode === 'push'
      ? expectPushed(stream, undefined, isVerification(state))
      : expectVerified(await pollStream(stream), stream, state);

  it('because it is paused: its events come later [openid-ssf-transmitter-paused-stream-holds-events]', async () => {
    const { stream, state } = await verifyStopped('paused');
    receiver.received.length = 0;
    await expectLater(stream, state);
  });

  it('because it is disabled: its events are dropped [openid-ssf-transmitter-disabled-stream-drops-events]', async () => {
    const { stream, state } = await verifyStopped('disabled');
    receiver.received.length = 0;
    await expectLater(stream, await trigger(stream));
    const events = await Promise.all(receiver.received.map(async ({ token }) => accept(token, stream)));
    expect(events.filter(isVerification(state))).toEqual([]);
  });
});

it('a verification is pushed without a secret [openid-ssf-transmitter-stream-verification-error-push-no-auth]', async () => {
  const stream = await createStream(configurationOf('push'));
  await expectPushed(stream, undefined, isVerification(await trigger(stream)));
});

describe.each(modes)('the profile for CAEP, by %s', (mode) => {
  /** Has both events happen to somebody: a revoked key, and a logout. */
  async function act(): Promise<void> {
    const person = await gateway.session();
    const made = await makeKey(gateway, { authorization: person.bearer });
    const revoked = await send(gateway, 'DELETE', `/api/v1/api-keys/${made.id}`, {
      authorization: person.bearer,
    });
    const headers = { cookie: person.cookie, origin: gateway.configuration.PUBLIC_URL };
    const left = await gateway.request('/auth/logout', { method: 'POST', headers });
    expect([revoked.status, left.status]).toEqual([204, 200]);
  }

  it('all of its events come [openid-ssf-transmitter-stream-caep-interop]', async () => {
    const authorization = mode === 'push' ? `Bearer push_token_${randomUUID()}` : undefined;
    const stream = await createStream(configurationOf(mode, authorization));
    const wanted = requestedEvents.filter((type) => stream.events_delivered.includes(type));
    expect(wanted).toEqual([sessionRevoked, credentialChange]);
    expect(await readStream(stream.stream_id)).toEqual(stream);
    expect(await readStatus(stream.stream_id)).toBe('enabled');
    const state = await trigger(stream);
    const received = new Set<string>();
    const isLast = ({ type }: Event): boolean => {
      received.add(type);
      return wanted.every((each) => received.has(each));
    };
    const byPush = async (): Promise<void> => {
      await expectPushed(stream, authorization, isVerification(state));
      receiver.received.length = 0;
      await act();
      await expectPushed(stream, authorization, isLast);
    };
    const byPoll = async (): Promise<void> => {
      let sets = await pollStream(stream);
      await expectVerified(sets, stream, state);
      await act();
      await waitUntil(async () => {
        sets = await pollStream(stream, { ack: Object.keys(sets) });
        const events = await Promise.all(Object.values(sets).map(async (token) => accept(token, stream)));
        return events.filter(isLast).length > 0;
      }, 'the events');
      expect(await pollStream(stream, { maxEvents: 0, ack: Object.keys(sets) })).toEqual({});
    };
    await (mode === 'push' ? byPush() : byPoll());
    await deleteStream(stream.stream_id);
  });
});
