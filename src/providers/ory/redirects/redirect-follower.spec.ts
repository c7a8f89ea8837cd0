import { EventEmitter, once } from 'node:events';
import { request as httpRequest } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { innerCallHeaders } from '../../../platform/http/inner-call.js';
import { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import { ProxyCircuitBreaker } from '../proxy/proxy-circuit-breaker.js';
import { RedirectFollower } from './redirect-follower.js';

const origin = 'http://localhost:4999';
const pageLoad = {
  host: 'localhost:4999',
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'same-origin',
};

let fastify: FastifyInstance;

beforeEach(() => {
  fastify = Fastify();
});

afterEach(() => fastify.close());

describe('RedirectFollower', () => {
  const callback = `${origin}/auth/callback?code=1`;

  /** A login whose first answer leads to the callback. */
  function leadToCallback(cookie = 'a=1', longest?: number): void {
    new RedirectFollower(fastify, origin, longest).setUp();
    fastify.get('/auth/login', (_request, reply) => {
      void reply.header('set-cookie', cookie).header('content-language', 'de').redirect(callback, 302);
    });
  }

  it('a callback that fails once its code counts is shown at once', async () => {
    leadToCallback();
    fastify.get('/auth/callback', (_request, reply) => {
      void reply.code(503).header('set-cookie', 'state=; Max-Age=0').send('no');
    });
    const answer = await fastify.inject({ url: '/auth/login', headers: { ...pageLoad, cookie: 'state=1' } });
    expect([answer.statusCode, answer.body]).toEqual([503, 'no']);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'state=; Max-Age=0']);
  });

  it('a callback that is refused before, as by an overload, is left to the browser', async () => {
    leadToCallback();
    fastify.get('/auth/callback', (_request, reply) => {
      void reply.code(503).header('retry-after', '1').send('busy');
    });
    const { statusCode, headers } = await fastify.inject({ url: '/auth/login', headers: pageLoad });
    expect([statusCode, headers.location, headers['retry-after']]).toEqual([302, callback, undefined]);
  });

  it('a step that redirects nowhere is left to the browser', async () => {
    leadToCallback();
    fastify.get('/auth/callback', (_request, reply) => {
      void reply.code(303).send();
    });
    const { statusCode, headers } = await fastify.inject({ url: '/auth/login', headers: pageLoad });
    expect([statusCode, headers.location]).toEqual([302, callback]);
  });

  it('an answer is shown byte by byte, and never kept', async () => {
    leadToCallback();
    const bytes = Buffer.from([0xff, 0xfe, 0x80]);
    fastify.get('/auth/callback', (_request, reply) => {
      void reply.header('cache-control', 'public, max-age=60').send(bytes);
    });
    const answer = await fastify.inject({ url: '/auth/login', headers: pageLoad });
    expect([answer.rawPayload, answer.headers['cache-control']]).toEqual([bytes, 'no-store']);
  });

  it('a request that has taken long goes on by itself', async () => {
    leadToCallback('a=1', 0);
    let asked = 0;
    fastify.get('/auth/callback', (_request, reply) => {
      asked += 1;
      void reply.send('in');
    });
    const { statusCode, headers } = await fastify.inject({ url: '/auth/login', headers: pageLoad });
    expect([statusCode, headers.location, headers['set-cookie'], asked]).toEqual([302, callback, ['a=1'], 0]);
  });

  it('a step has the User-Agent of its browser, or none', async () => {
    leadToCallback();
    fastify.get('/auth/callback', ({ headers }, reply) => {
      void reply.send(headers['user-agent']);
    });
    const seen = await Promise.all(
      ['A browser', ''].map(async (agent) => {
        const headers = { ...pageLoad, 'user-agent': agent };
        return (await fastify.inject({ url: '/auth/login', headers })).body;
      }),
    );
    expect(seen).toEqual(['A browser', '']);
  });

  it('a step ends when its browser leaves', async () => {
    leadToCallback();
    const step = new EventEmitter();
    const begun = once(step, 'begun');
    const closed = once(step, 'closed');
    fastify.get('/auth/callback', (_request, reply) => {
      reply.raw.once('close', () => step.emit('closed'));
      step.emit('begun');
    });
    const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
    const browser = httpRequest(`${url}/auth/login`, { headers: pageLoad });
    browser.end();
    await begun;
    browser.on('error', () => undefined).destroy();
    expect(await closed).toEqual([]);
  });
});

describe('an upstream that is asked in a followed step', () => {
  let breaker: CircuitBreaker;
  let passedOn: number;

  beforeEach(() => {
    breaker = new CircuitBreaker('hydra');
    passedOn = 0;
    const passage = new ProxyCircuitBreaker(breaker);
    fastify.setErrorHandler((error, request, reply) => {
      passage.failed(request, error);
      void reply.code(503).send('away');
    });
    fastify.get('/', (request, reply) => {
      passage.enter(request, reply);
      passedOn += 1;
      throw unavailable('hydra_away');
    });
  });

  it('is taken for away by its failures, as by those of browsers, and stays so when the trial fails', async () => {
    const ask = async (): Promise<number> => {
      expect((await fastify.inject({ url: '/', headers: innerCallHeaders })).statusCode).toBe(503);
      return passedOn;
    };
    await expect.poll(async () => [await ask(), breaker.state]).toContain('open');
    const before = passedOn;
    await expect.poll(ask).toBe(before + 1);
    await expect.poll(() => breaker.state).toBe('open');
  });
});
