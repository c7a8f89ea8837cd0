import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../test/support/gateway.js';
import { waitUntil } from '../../test/support/stack.js';
import { StandIn } from '../../test/support/stand-in.js';

/** An upstream that answers when it is let, one request after the other. */
class HesitantUpstream extends StandIn {
  readonly held: ServerResponse[] = [];
  /** The most requests that it ever had at once. */
  most = 0;

  constructor() {
    super('');
    this.say((_request, response) => {
      this.held.push(response);
      this.most = Math.max(this.most, this.held.length);
      return true;
    });
  }
}

const upstreams = { kratos: new HesitantUpstream(), hydra: new HesitantUpstream() };
let gateway: Gateway;

beforeAll(async () => {
  const [kratos, hydra] = [await upstreams.kratos.start(), await upstreams.hydra.start()];
  gateway = await startGateway({ KRATOS_PUBLIC_URL: kratos, HYDRA_PUBLIC_URL: hydra });
});

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstreams.kratos.stop(), upstreams.hydra.stop()]);
});

it.each([
  ['kratos', '/ory/kratos/sessions/whoami', 8],
  ['hydra', '/ory/hydra/oauth2/auth', 4],
] as const)(
  'of 50 requests at once %s gets no more than it bears; the others wait in line and none is lost',
  async (name, path, atOnce) => {
    const upstream = upstreams[name];
    const answers = Promise.all(Array.from({ length: 50 }, async () => gateway.request(path)));
    await waitUntil(() => upstream.held.length >= atOnce, 'the line to be full');
    // Whoever comes after the fifty is answered: they have all been passed on, as far as they will be.
    expect((await gateway.request('/health/live')).status).toBe(200);
    for (let answered = 0; answered < 50; answered += 1) {
      await waitUntil(() => upstream.held.length > 0, 'the next in line');
      upstream.held.shift()?.end('{}');
    }
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
    expect(upstream.most).toBe(atOnce);
  },
);
