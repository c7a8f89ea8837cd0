import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ownFeatures } from '../../src/app/features.js';
import { problemsWith } from '../../src/platform/errors/problem.catalogue.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { listRoutes } from '../support/route.list.js';

const mediaTypes = z.record(z.string(), z.looseObject({ schema: z.record(z.string(), z.unknown()) }));
const operationSchema = z.looseObject({
  summary: z.string().min(3),
  tags: z.array(z.string()).min(1),
  requestBody: z.looseObject({ content: mediaTypes }).optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ description: z.string().min(1), content: mediaTypes.optional() }),
  ),
});
const documentSchema = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({ title: z.literal('Vestibule'), version: z.string() }),
  servers: z.array(z.looseObject({ url: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({
    securitySchemes: z.record(z.string(), z.unknown()),
    schemas: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** Routes whose 400 has the form of OAuth (RFC 6749 section 5.2), or of RFC 8935. */
const foreignErrors = new Set([
  'POST /auth/device',
  'POST /auth/token',
  'POST /auth/backchannel-logout',
  'POST /oauth2/register',
  'POST /ssf/events',
]);

interface Operation {
  readonly name: string;
  readonly operation: z.output<typeof operationSchema>;
}

let gateway: Gateway;
let text: string;
let document: z.output<typeof documentSchema>;
let operations: Operation[];

beforeAll(async () => {
  gateway = await startGateway();
  text = (await gateway.request('/docs/openapi.json')).text;
  document = documentSchema.parse(JSON.parse(text));
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
});

afterAll(async () => {
  await gateway?.stop();
});

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 of this origin', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.servers.map(({ url }) => url)).toEqual(['https://auth.example.test']);
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual(['apiKey', 'bearer', 'cookie']);
    expect(JSON.stringify(document.components.securitySchemes['cookie'])).toContain('"__Host-vestibule"');
  });

  it('lists the routes of the API, and no path that does not exist', () => {
    const fastify: FastifyInstance = gateway.app.getHttpAdapter().getInstance();
    const existing = new Set(listRoutes(fastify).map(({ method, pattern }) => `${method} ${pattern}`));
    const listed = operations.map(({ name }) => name.replaceAll(/\{(\w+)\}/g, ':$1'));
    expect(listed.filter((name) => !existing.has(name))).toEqual([]);
    for (const name of [
      'GET /api/v1/me',
      'PATCH /api/v1/me',
      'DELETE /api/v1/me',
      'GET /api/v1/me/export',
      'GET /api/v1/me/orgs',
      'GET /api/v1/users',
      'GET /api/v1/users/:id',
      'PATCH /api/v1/users/:id',
      'DELETE /api/v1/users/:id',
      'POST /api/v1/users/:id/disable',
      'POST /api/v1/users/:id/enable',
      'POST /api/v1/api-keys',
      'GET /api/v1/api-keys',
      'DELETE /api/v1/api-keys/:id',
      'POST /api/v1/orgs/:id/api-keys',
      'GET /api/v1/orgs/:id/api-keys',
      'DELETE /api/v1/orgs/:id/api-keys/:keyId',
      'GET /auth/session',
      'GET /auth/sessions',
      'DELETE /auth/sessions',
      'DELETE /auth/sessions/:id',
      'POST /auth/backchannel-logout',
      'POST /auth/login',
      'POST /auth/logout',
      'POST /auth/token',
      'POST /ssf/events',
      'GET /auth/login',
      'GET /health/ready',
      'GET /.well-known/jwks.json',
    ]) {
      expect(listed).toContain(name);
    }
  });

  it('every operation has a success, with a schema unless it is a redirect or says that it has none', () => {
    const lacking = operations.filter(({ operation }) => {
      const successes = Object.entries(operation.responses).filter(([status]) => /^[23]\d\d$/.test(status));
      const described = successes.every(
        ([status, { content }]) => /^(?:3..|202|204)$/.test(status) || content !== undefined,
      );
      return successes.length === 0 || !described;
    });
    expect(lacking.map(({ name }) => name)).toEqual([]);
  });

  it('every error is problem+json (OAuth errors aside) with examples whose codes have that status', () => {
    const statuses = new Map<string, number>(
      problemsWith(ownFeatures).map(({ code, status }) => [code, status]),
    );
    const failures = operations.flatMap(({ name, operation }) =>
      Object.entries(operation.responses)
        .filter(([status]) => /^[45]/.test(status) && !(foreignErrors.has(name) && status === '400'))
        .map(([status, { content = {} }]) => ({ name, status, content })),
    );
    expect(failures.length).toBeGreaterThan(8);
    for (const { name, status, content } of failures) {
      const examples = z
        .record(z.string(), z.unknown())
        .parse(content['application/problem+json']?.['examples']);
      const found = Object.keys(examples).map((code) => statuses.get(code));
      expect({ name, found: [...new Set(found)] }).toEqual({ name, found: [Number(status)] });
    }
  });

  it.each([
    ['that is cut off', 400, 'application/json', '{"a":'],
    ['of an unknown type', 415, 'text/plain', 'a'],
    ['that is too large', 413, 'application/json', JSON.stringify('x'.repeat(2 ** 20))],
  ])(
    'every operation that may have a body states its answer to one %s (%i)',
    async (_what, status, type, body) => {
      const changing = operations.filter(({ name }) => /^(?:POST|PUT|PATCH|DELETE) /.test(name));
      expect(changing.length).toBeGreaterThan(50);
      for (const { name, operation } of changing) {
        const method = (['POST', 'PUT', 'PATCH', 'DELETE'] as const).find((one) =>
          name.startsWith(`${one} `),
        );
        const [, path = ''] = name.split(' ');
        const target = path.replaceAll(/\{\w+\}/g, '0198a000-0000-7000-8000-000000000000');
        const answer = await gateway.request(target, {
          ...(method && { method }),
          headers: { 'content-type': type },
          body,
        });
        const [answered = ''] = String(answer.headers['content-type']).split(';');
        const stated = operation.responses[String(status)]?.content ?? {};
        expect([name, answer.status, Object.keys(stated)]).toEqual([
          name,
          status,
          expect.arrayContaining([answered]),
        ]);
        const members = Object.keys(Object(answer.json()));
        const { required } = z
          .looseObject({ required: z.array(z.string()).default(['type', 'code', 'requestId']) })
          .parse(stated[answered]?.schema);
        expect([name, members]).toEqual([name, expect.arrayContaining(required)]);
      }
    },
  );

  it('closed operations say 401 and which credentials they take', () => {
    for (const name of [
      'GET /api/v1/me',
      'GET /auth/session',
      'GET /auth/sessions',
      'DELETE /auth/sessions',
      'DELETE /auth/sessions/{id}',
    ]) {
      const found = operations.find((entry) => entry.name === name);
      expect(Object.keys(found?.operation.responses ?? {})).toContain('401');
    }
    const me = operations.find(({ name }) => name === 'GET /api/v1/me');
    expect(JSON.stringify(me?.operation['security'])).toBe('[{"apiKey":[]},{"bearer":[]},{"cookie":[]}]');
  });

  it('every reference in it leads somewhere', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? '');
    for (const target of references) {
      const found = target
        .split('/')
        .slice(1)
        .reduce<unknown>(
          (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
          document,
        );
      expect({ target, found: typeof found }).toEqual({ target, found: 'object' });
    }
    expect(references.filter((target) => !target.startsWith('#/'))).toEqual([]);
  });

  it('an answer of GET /api/v1/me, GET /auth/session and GET /auth/sessions has the documented properties', async () => {
    const { cookie } = await gateway.session();
    for (const path of ['/api/v1/me', '/auth/session', '/auth/sessions']) {
      const answer = (await gateway.request(path, { headers: { cookie } })).json();
      const schema = z
        .looseObject({ properties: z.record(z.string(), z.unknown()), required: z.array(z.string()) })
        .parse(document.paths[path]?.['get']?.responses['200']?.content?.['application/json']?.schema);
      expect(Object.keys(Object(answer)).sort()).toEqual(Object.keys(schema.properties).sort());
    }
  });
});
