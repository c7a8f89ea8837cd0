import { Readable } from 'node:stream';
import Fastify, { type FastifyError } from 'fastify';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import { readSubmittedForm } from './submitted.form.js';

const fastify = Fastify({ bodyLimit: 65_536 });
const answerSchema = z.object({
  code: z.string().optional(),
  account: z.string().optional(),
  methods: z.array(z.string()).optional(),
  passedOn: z.string().optional(),
});

/** A server that reads forms as the proxy does, and returns what it would have passed on. */
beforeAll(async () => {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  fastify.setErrorHandler((error: FastifyError | Problem, _request, reply) =>
    reply.code(400).send({ code: error instanceof Problem ? error.code : `unforeseen: ${String(error)}` }),
  );
  fastify.post('/*', async (request) => {
    const { account, methods } = await readSubmittedForm(request);
    const { body } = request;
    const passedOn =
      body instanceof Readable ? Buffer.concat(await body.toArray()).toString() : JSON.stringify(body);
    return { account, methods: [...methods], passedOn };
  });
  await fastify.ready();
});

afterAll(() => fastify.close());

async function submit(
  type: string,
  payload: string | Buffer,
  query = '',
): Promise<z.output<typeof answerSchema>> {
  const answer = await fastify.inject({
    method: 'POST',
    path: `/${query}`,
    headers: { 'content-type': type },
    payload,
  });
  return answerSchema.parse(answer.json());
}

const form = 'application/x-www-form-urlencoded';
const expected = [
  undefined,
  'identifier_refused',
  'malformed_request',
  'unsupported_media_type',
  'payload_too_large',
];
const fieldName = fc.oneof(
  fc.constantFrom(
    'identifier',
    'Identifier',
    'traits.email',
    'email',
    'flow',
    'method',
    'traits',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary' }),
);

describe('readSubmittedForm', () => {
  it('reads any bytes, or refuses them with a problem of its own', async () => {
    const types = fc.constantFrom(
      form,
      `${form}; charset=utf-16`,
      'application/json',
      'application/json;',
      'text/plain',
    );
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
      fc.nat(5000).map((depth) => Buffer.from('{"traits":'.repeat(depth))),
    );
    await fc.assert(
      fc.asyncProperty(types, bodies, fc.webQueryParameters(), async (type, body, query) => {
        const { code } = await submit(type, body, `?${query}`);
        expect(expected).toContain(code);
      }),
      { numRuns: 500 },
    );
  });

  it('passes a form on byte for byte', async () => {
    const pairs = fc.array(fc.tuple(fieldName, fc.string({ unit: 'binary' })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pairs, async (fields) => {
        const body = new URLSearchParams(fields.map(([name, value]) => [name, value])).toString();
        const { code, passedOn } = await submit(form, body);
        expect(expected).toContain(code);
        expect(passedOn).toBe(code === undefined ? body : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('counts the account that is passed on: of a JSON name that is given twice, the last', async () => {
    const spelled = fc.mixedCase(fc.constant('identifier'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(spelled, fc.emailAddress()), { minLength: 1, maxLength: 4 }),
        async (named) => {
          const body = `{${named.map((pair) => pair.map((text) => JSON.stringify(text)).join(':')).join(',')}}`;
          const { code, account, passedOn } = await submit('application/json', body);
          const values = Object.values(z.record(z.string(), z.string()).parse(JSON.parse(passedOn ?? '{}')));
          expect(code ?? values.map(foldIdentifier)).toEqual(
            code === undefined ? values.map(() => account) : 'malformed_request',
          );
        },
      ),
    );
  });
});

it.each([
  ['application/json', JSON.stringify({ method: 'profile', traits: '{"email":"a@evil.test"}' })],
  ['application/json', JSON.stringify({ method: 'profile', traits: ['a@evil.test'] })],
  ['application/json', JSON.stringify({ method: 'profile', 'tra\u0131ts': {}, Traits: 'x' })],
  ['application/json', JSON.stringify({ method: 'profile', 'trait\u017F': '{"email":"a@evil.test"}' })],
  [form, 'method=profile&traits=%7B%22email%22%3A%22a%40evil.test%22%7D'],
  [form, 'method=profile&TRAITS=x'],
])('traits that are no object of texts are refused: %s %s [W24]', async (type, payload) => {
  expect(await submit(type, payload)).toEqual({ code: 'malformed_request' });
});

it.each([
  ['password', 'method=password&password=x&passkey_login=', ['password']],
  ['nothing', 'identifier=x', []],
  ['a passkey beside a password', 'method=password&password=x&passkey_login=x', ['password', 'passkey']],
  ['a provider without a method', 'provider=google', ['oidc']],
  ['two methods', 'method=totp&method=OIDC&totp_code=1', ['totp', 'oidc']],
  ['a security key without a method', 'webauthn_login=x', ['webauthn']],
])('all methods that Kratos may take a form for: %s', async (_what, payload, methods) => {
  expect((await submit(form, payload)).methods).toEqual(methods);
});
