import { isDeepStrictEqual } from 'node:util';
import { Spectral } from '@stoplight/spectral-core';
import { oas } from '@stoplight/spectral-rulesets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Gateway, type GatewayRequest, providerEnv, startGateway } from '../../support/gateway.js';

const mediaSchema = z.looseObject({
  schema: z.unknown(),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.unknown()).optional(),
});
const contentSchema = z.record(z.string(), mediaSchema);
const operationSchema = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  requestBody: z.looseObject({ content: contentSchema }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: contentSchema.optional() })),
});
const documentSchema = z.looseObject({
  tags: z.array(z.looseObject({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))),
});

/** Endpoints whose 400 has the form of OAuth (RFC 6749 section 5.2), or of RFC 8935. */
const foreignErrors = new Set([
  'POST /auth/device',
  'POST /auth/token',
  'POST /auth/backchannel-logout',
  'POST /ssf/events',
  'POST /oauth2/register',
]);

/** Rules that say something else than what we want, and why. */
const exceptions = {
  // A self-hosted product: its contact is the person who runs it.
  'info-contact': 'off',
  'contact-properties': 'off',
} as const;

/** Ory's document: what is word for word in another one is judged there. */
let judged: z.output<typeof documentSchema> | undefined;

const isMethod = (method: string): method is NonNullable<GatewayRequest['method']> =>
  ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method);

describe.each(['ory', 'auth0', 'oidc'] as const)('the OpenAPI document under %s', (provider) => {
  let gateway: Gateway;
  let document: z.output<typeof documentSchema>;
  let operations: {
    name: string;
    path: string;
    method: string;
    operation: z.output<typeof operationSchema>;
  }[];

  beforeAll(async () => {
    gateway = await startGateway(providerEnv[provider]);
    document = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        path,
        method: method.toUpperCase(),
        operation: operationSchema.parse(operation, { error: () => `${method} ${path}` }),
      })),
    );
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  it('has no finding of Spectral’s rules for OpenAPI', async () => {
    const spectral = new Spectral();
    // The types of the two packages don't fit: a severity is any text in one of them.
    Reflect.apply(spectral.setRuleset, spectral, [{ extends: [[oas, 'all']], rules: exceptions }]);
    const own = Object.entries(document.paths).filter(
      ([path, operations]) => !isDeepStrictEqual(operations, judged?.paths[path]),
    );
    judged ??= document;
    // One path stays in any case, with what the parts that all share are used by.
    const [first = expect.fail()] = Object.entries(document.paths);
    const findings = await spectral.run({ ...document, paths: Object.fromEntries([first, ...own]) });
    expect(
      findings.map(({ code, path, message }) => `${code} ${path.slice(0, 8).join('.')}: ${message}`),
    ).toEqual([]);
  });

  it('every operation has an id that reads well, and of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id) => !/^[a-z][A-Za-z\d]+$/.test(id))).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('every operation has a summary and one tag, which is explained', () => {
    const known = new Set(document.tags.map(({ name }) => name));
    const lacking = operations.filter(
      ({ operation: { summary, tags } }) =>
        summary.length < 3 || summary.endsWith('.') || tags.length !== 1 || !known.has(tags[0] ?? ''),
    );
    expect(lacking.map(({ name }) => name)).toEqual([]);
    expect(document.tags.filter(({ description }) => description.length < 10)).toEqual([]);
  });

  it('every request body and every successful answer with a body has an example', () => {
    const lacking = operations.flatMap(({ name, operation }) => {
      const bodies = Object.entries(operation.requestBody?.content ?? {}).map(
        ([type, media]) => [`body ${type}`, media] as const,
      );
      const answers = Object.entries(operation.responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([status, { content = {} }]) =>
          Object.entries(content).map(([type, media]) => [`${status} ${type}`, media] as const),
        );
      return [...bodies, ...answers]
        .filter(([, { example, examples }]) => example === undefined && examples === undefined)
        .map(([where]) => `${name} ${where}`);
    });
    expect(lacking).toEqual([]);
  });

  it('every error is problem+json, OAuth’s own aside', () => {
    const wrong = operations.flatMap(({ name, operation }) =>
      Object.entries(operation.responses)
        .filter(([status]) => /^[45]/.test(status) && !(status === '400' && foreignErrors.has(name)))
        .filter(([, { content = {} }]) => Object.keys(content).join() !== 'application/problem+json')
        .map(([status]) => `${name} ${status}`),
    );
    expect(wrong).toEqual([]);
  });

  it('operations that need a credential say so, and those that do not say that', async () => {
    const closed: string[] = [];
    for (const { name, path, method } of operations) {
      if (!isMethod(method)) {
        throw new TypeError(`${method} is not expected`);
      }
      const answer = await gateway.request(path.replaceAll(/\{\w+\}/g, 'x'), { method });
      if (answer.status === 401) {
        closed.push(name);
      }
    }
    const declared = operations.filter(
      ({ operation: { security } }) =>
        security.length > 0 && security.every((requirement) => Object.keys(requirement).length > 0),
    );
    expect(declared.map(({ name }) => name).toSorted()).toEqual(closed.toSorted());
    const silent = declared.filter(({ operation: { responses } }) => responses['401'] === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});
