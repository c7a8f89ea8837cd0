import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ownFeatures } from '../../src/app/features.js';
import { problemsWith } from '../../src/platform/errors/problem.catalogue.js';
import { Problem } from '../../src/platform/errors/problem.error.js';
import { ProblemFilter } from '../../src/platform/http/problem.filter.js';
import { type Gateway, startGateway } from '../support/gateway.js';

const problemSchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
  requestId: z.uuid(),
});

const problems = problemsWith(ownFeatures);
const canary = 'c4n4ry-inner-text';

/** What a route may throw, by the name in its path. */
const unforeseen: Readonly<Record<string, () => unknown>> = {
  error: () => new Error(canary),
  type: () => new TypeError(canary),
  text: () => canary,
  nothing: () => undefined,
  object: () => ({ message: canary, statusCode: 200 }),
  database: () => Object.assign(new Error(canary), { code: '23505', detail: canary, statusCode: 500 }),
  upstream: () => Object.assign(new Error(canary), { statusCode: 502 }),
};

let gateway: Gateway;

/** Routes beside Nest's that throw through the same filter. */
function addThrowingRoutes(app: NestFastifyApplication): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const filter = app.get(ProblemFilter);
  void fastify.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => filter.answer(error, request, reply));
    scope.get('/throws/problem/:code', (request, reply) => {
      const problem = problems.find(({ code }) => request.url.endsWith(`/${code}`)) ?? 'internal_error';
      filter.answer(
        new Problem(problem, {
          detail: 'In detail.',
          reason: `reason_${canary}`,
          cause: new Error(canary),
          errors: [{ field: 'a.b', message: 'must be there' }],
          headers: { 'x-extra': 'yes' },
        }),
        request,
        reply,
      );
    });
    scope.get('/throws/unforeseen/:what', (request, reply) => {
      const what = request.url.split('/').at(-1) ?? '';
      filter.answer(unforeseen[what]?.(), request, reply);
    });
  });
}

beforeAll(async () => {
  gateway = await startGateway({}, addThrowingRoutes);
});

afterAll(async () => {
  await gateway?.stop();
});

const navigation = { 'sec-fetch-mode': 'navigate', accept: 'text/html' };

describe('every code of the catalogue', () => {
  it('is the core’s or one of our features’', () => {
    const codes = problems.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['forbidden', 'domain_unconfirmed']));
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(problems)(
    '$code is problem+json with its status for an API call',
    async ({ code, status, title }) => {
      const answer = await gateway.request(`/throws/problem/${code}`);
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['x-extra']).toBe('yes');
      expect(problemSchema.parse(answer.json())).toMatchObject({
        title,
        status,
        code,
        detail: 'In detail.',
        errors: [{ field: 'a.b', message: 'must be there' }],
      });
      expect(answer.text).not.toContain(canary);
    },
  );

  it.each(problems.filter(({ code }) => code !== 'unauthenticated'))(
    '$code is a page with its status for a page load',
    async ({ code, status }) => {
      const answer = await gateway.request(`/throws/problem/${code}`, { headers: navigation });
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.text).toContain(`<code>${code}</code>`);
      expect(answer.text).not.toContain(canary);
    },
  );

  it('unauthenticated is a redirect to the login for a page load, which comes back to the page', async () => {
    const answer = await gateway.request('/throws/problem/unauthenticated', { headers: navigation });
    expect(answer.status).toBe(302);
    expect(answer.headers['location']).toBe('/auth/login?return_to=%2Fthrows%2Fproblem%2Funauthenticated');
  });

  it('has a status from 400 up, and texts', () => {
    for (const { status, title, remedy } of problems) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect(Math.min(title.length, remedy.length)).toBeGreaterThan(5);
    }
  });
});

describe('errors that nobody foresaw', () => {
  it.each(Object.keys(unforeseen))(
    '%s is internal_error; its text is in the log and nowhere else',
    async (what) => {
      for (const headers of [{}, navigation]) {
        const answer = await gateway.request(`/throws/unforeseen/${what}`, { headers });
        expect(answer.status).toBe(500);
        expect(answer.text).toContain('internal_error');
        expect(answer.text + JSON.stringify(answer.headers)).not.toContain(canary);
      }
    },
  );

  it('the log line has the request id of the answer', async () => {
    const answer = await gateway.request('/throws/unforeseen/error');
    const { requestId } = problemSchema.parse(answer.json());
    const lines = gateway.log.filter((line) => line.includes(requestId) && line.includes(canary));
    expect(lines).toHaveLength(1);
  });
});
