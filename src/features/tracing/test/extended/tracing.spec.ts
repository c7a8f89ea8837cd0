import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../../../../test/support/gateway.js';
import { logIn, newPerson, signUp } from '../../../../../test/support/person.js';
import { StandIn } from '../../../../../test/support/stand-in.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { TraceCollector } from '../../../../../test/support/trace.collector.js';
import { type Page, UserAgent, type Visit } from '../../../../../test/support/user-agent.js';
import { timed } from '../../../../../test/support/timed.js';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** A browser behind a proxy that traces: each request is part of its trace. Notes every secret that it's given. */
class TracedAgent extends UserAgent {
  readonly traceId = hex(16);
  readonly secrets = new Set<string>();

  override async request(target: string, visit: Visit = {}): Promise<Page> {
    const headers = { ...visit.headers, traceparent: `00-${this.traceId}-${hex(8)}-01` };
    const page = await super.request(target, { ...visit, headers });
    for (const cookie of page.headers.getSetCookie()) {
      this.#note(/^[^=]+=([^;]*)/.exec(cookie)?.[1]);
    }
    for (const address of [page.url, page.headers.get('location') ?? '']) {
      for (const value of new URL(address, page.url).searchParams.values()) {
        this.#note(value);
      }
    }
    return page;
  }

  #note(value: string | undefined): void {
    // Scopes, names of clients and our own addresses are no secrets.
    if (value !== undefined && value.length >= 16 && !/^(?:https?:|openid|vestibule)/.test(value)) {
      this.secrets.add(value);
    }
  }
}

const collector = new TraceCollector();
let stack: Stack;

beforeAll(async () => {
  const endpoint = await collector.start();
  stack = await startStack({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=vestibule%20test',
      OTEL_SERVICE_NAME: 'front-door',
    },
  });
});

afterAll(async () => {
  await stack?.stop();
  await collector.stop();
});

/** The spans of a trace, once one with this name is among them. */
async function traceWith(traceId: string, name: string) {
  const spans = () => collector.spans.filter((span) => span.traceId === traceId);
  await waitUntil(() => spans().some((span) => span.name === name), `the span ${name}`);
  return spans();
}

describe('traces', () => {
  const person = newPerson();

  it('nobody but a trusted proxy says which trace a request belongs to', async () => {
    const agent = new TracedAgent(stack.url);
    await signUp(agent, person);
    await waitUntil(() => collector.spans.some(({ name }) => name === 'GET /auth/callback'), 'spans');
    expect(collector.spans.filter(({ traceId }) => traceId === agent.traceId)).toEqual([]);
  });

  it('a login is one trace from the gateway to Kratos, Hydra and SQL, without a secret in it', async () => {
    await stack.restartGateway({ TRUST_PROXY: 'loopback' });
    const agent = new TracedAgent(stack.url);
    expect((await logIn(agent, person)).status).toBe(200);
    await agent.request('/auth/session?token=canary-in-a-query');
    const spans = await traceWith(agent.traceId, 'GET /auth/session');
    const names = new Set(spans.map(({ name }) => name));
    for (const name of [
      'GET /auth/login',
      'GET /auth/ory/login',
      'GET /auth/callback',
      'kratos toSession',
      'kratos proxy',
      'hydra getOAuth2LoginRequest',
      'hydra acceptOAuth2LoginRequest',
      'hydra POST',
      'sql insert',
      'sql select',
    ]) {
      expect(names).toContain(name);
    }
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const parentOf = (name: string): (string | undefined)[] =>
      spans
        .filter((span) => span.name === name)
        .map(({ parentSpanId }) => byId.get(parentSpanId ?? '')?.name);
    expect(parentOf('kratos toSession')).toContain('GET /auth/ory/login');
    expect(parentOf('hydra POST')).toContain('GET /auth/callback');
    expect(new Set(parentOf('sql insert'))).toEqual(new Set(['GET /auth/callback']));
    expect(parentOf('kratos proxy')).toContain('POST /ory/kratos/*');
    const callback = spans.find(({ name }) => name === 'GET /auth/callback');
    expect(callback).toMatchObject({
      kind: 2,
      attributes: { 'http.route': '/auth/callback', 'http.response.status_code': 302 },
      resource: { 'service.name': 'front-door' },
    });
    expect(stack.log.join('')).toContain(String(callback?.attributes['vestibule.request_id']));
    expect(collector.headers['x-tenant']).toBe('vestibule test');

    const text = collector.bodies.join('\n');
    expect(agent.secrets.size).toBeGreaterThan(10);
    for (const secret of [
      ...agent.secrets,
      person.email,
      person.password,
      encodeURIComponent(person.email),
      'canary-in-a-query',
      ...stack.secrets.gateway,
    ]) {
      expect(text.includes(secret)).toBe(false);
    }
  });

  it('Kratos gets the trace’s id, and never one that a browser made up', async () => {
    const kratos = new StandIn(stack.ory.env['KRATOS_PUBLIC_URL'] ?? '');
    const seen: unknown[] = [];
    kratos.say(({ headers }) => {
      seen.push(headers['traceparent'], headers['tracestate'], headers['baggage']);
      return false;
    });
    const KRATOS_PUBLIC_URL = await kratos.start();
    const madeUp = { tracestate: 'vendor=canary', baggage: 'user=canary' };
    const visit = async (agent: UserAgent): Promise<void> => {
      seen.splice(0);
      await agent.request('/ory/kratos/self-service/login/browser', { headers: madeUp });
      await agent.request('/ui/login?flow=00000000-0000-7000-8000-000000000000');
    };
    try {
      await stack.restartGateway({ KRATOS_PUBLIC_URL });
      const agent = new TracedAgent(stack.url);
      await visit(agent);
      const spans = await traceWith(agent.traceId, 'kratos getLoginFlow');
      const ours = spans
        .filter(({ kind }) => kind === 3)
        .map(({ spanId }) => `00-${agent.traceId}-${spanId}-01`);
      const told = seen.filter((header) => typeof header === 'string' && header.startsWith('00-'));
      expect(told).toHaveLength(2);
      expect(ours).toEqual(expect.arrayContaining(told));
      expect(seen).not.toContain('user=canary');

      await stack.restartGateway({ TRUST_PROXY: '' });
      await visit(agent);
      expect(JSON.stringify(seen)).toMatch(/00-[0-9a-f]{32}-/);
      expect(JSON.stringify(seen)).not.toMatch(new RegExp(`canary|${agent.traceId}`));
    } finally {
      await stack.restartGateway({ KRATOS_PUBLIC_URL: stack.ory.env['KRATOS_PUBLIC_URL'] ?? '' });
      await kratos.stop();
    }
  });
});

describe('a collector that takes nothing', () => {
  it.each(['frozen', 'dead'])(
    '%s: no request waits for it or fails, and the end of the process neither',
    async (kind) => {
      const other = new TraceCollector();
      const endpoint = await other.start();
      other.freeze();
      if (kind === 'dead') {
        await other.stop();
      }
      const gateway = await startGateway({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
      try {
        const { cookie } = await gateway.session();
        const durations: number[] = [];
        // More than the queue holds.
        for (let count = 0; count < 5000; count += 1) {
          const { value, ms } = await timed(async () =>
            gateway.request('/api/v1/me', { headers: { cookie } }),
          );
          expect(value.status).toBe(200);
          durations.push(ms);
        }
        expect(durations.sort((one, next) => one - next)[4950]).toBeLessThan(1000);
        if (kind === 'frozen') {
          await waitUntil(() => other.held > 0, 'a batch to be sent');
        }
      } finally {
        const { ms } = await timed(async () => gateway.stop());
        expect(ms).toBeLessThan(4000);
        if (kind === 'frozen') {
          await other.stop();
        }
      }
    },
  );
});
