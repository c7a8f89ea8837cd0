import fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../errors/problem.error.js';
import { refuseCrossSite } from './cross-site.guard.js';

const own = 'https://auth.example.test';
const partner = 'https://app.example.test';
const trusted = { own, others: new Set([partner]) };
const app = fastify();

beforeAll(async () => {
  const judge = (request: FastifyRequest): { verdict: string } => {
    try {
      refuseCrossSite(request, trusted);
      return { verdict: 'let in' };
    } catch (error) {
      return { verdict: error instanceof Problem ? error.code : 'crashed' };
    }
  };
  app.all('/', async (request) => judge(request));
  await app.ready();
});

afterAll(async () => {
  await app.close();
});

type Method = 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function judge(method: Method, headers: Record<string, string>): Promise<string> {
  const answer = await app.inject({ method, url: '/', headers });
  const body: unknown = JSON.parse(answer.body === '' ? '{"verdict":"let in"}' : answer.body);
  return String(typeof body === 'object' && body !== null ? Reflect.get(body, 'verdict') : body);
}

const foreign = [
  'null',
  '',
  'https://evil.test',
  'http://auth.example.test',
  'https://auth.example.test:8443',
  'https://auth.example.test.evil.test',
  'https://evil-auth.example.test',
  'https://other.example.test',
  'https://AUTH.example.test',
  'https://auth.example.test/',
  `${own}, https://evil.test`,
  `${own} `.trimEnd().concat('\u00A0'),
];

describe('refuseCrossSite', () => {
  it.each(foreign)('a POST with Origin %j is refused [L03]', async (origin) => {
    expect(await judge('POST', { origin })).toBe('cross_site_request');
    expect(await judge('POST', { origin, 'sec-fetch-site': 'same-origin' })).toBe('cross_site_request');
  });

  it.each(['cross-site', 'same-site', 'CROSS-SITE', 'anything', ''])(
    'a POST with Sec-Fetch-Site %j is refused, with our Origin or none',
    async (site) => {
      expect(await judge('POST', { 'sec-fetch-site': site })).toBe('cross_site_request');
      expect(await judge('POST', { 'sec-fetch-site': site, origin: own })).toBe('cross_site_request');
    },
  );

  it('our own pages, allowed origins, and callers that are no browsers are let in', async () => {
    expect(await judge('POST', { origin: own, 'sec-fetch-site': 'same-origin' })).toBe('let in');
    expect(await judge('POST', { origin: own })).toBe('let in');
    expect(await judge('POST', { 'sec-fetch-site': 'none' })).toBe('let in');
    expect(await judge('POST', { origin: partner, 'sec-fetch-site': 'cross-site' })).toBe('let in');
    expect(await judge('POST', {})).toBe('let in');
  });

  it('reading is let in from anywhere', async () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
      expect(await judge(method, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' })).toBe(
        'let in',
      );
    }
  });

  it('no origin but ours and the allowed ones ever gets a state-changing request in [L03]', async () => {
    const header = fc.stringMatching(/^[\x21-\x7E]{1,40}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Method>('POST', 'PUT', 'PATCH', 'DELETE'),
        fc.oneof(
          header,
          fc.webUrl(),
          header.map((tail) => own + tail),
        ),
        fc.constantFrom('same-origin', 'none', 'cross-site', undefined),
        async (method, origin, site) => {
          fc.pre(origin !== own && origin !== partner);
          const headers = { origin, ...(site === undefined ? {} : { 'sec-fetch-site': site }) };
          expect(await judge(method, headers)).toBe('cross_site_request');
        },
      ),
    );
  });
});
