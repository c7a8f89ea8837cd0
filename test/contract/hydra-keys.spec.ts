import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.js';
import { StandIn } from '../support/stand-in.js';

/** A Hydra that is asked for its keys and takes its time. */
const hydra = new StandIn('http://127.0.0.1:9');
const waiting: ServerResponse[] = [];
let gateway: Gateway;

beforeAll(async () => {
  hydra.say((_request, response) => {
    waiting.push(response);
    return true;
  });
  gateway = await startGateway({
    HYDRA_ADMIN_URL: await hydra.start(),
    KRATOS_ADMIN_URL: 'http://127.0.0.1:9',
    ADMIN_EMAIL: 'admin@example.test',
    ADMIN_PASSWORD: 'four-quiet-lanterns-17',
  });
});

afterAll(async () => {
  await gateway?.stop();
  await hydra.stop();
});

/** Answers what waits, and all that comes, with a key. */
function answerAll(): void {
  const answer = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: [{ kid: 'made' }] }));
  };
  hydra.say((_request, response) => {
    answer(response);
    return true;
  });
  waiting.forEach(answer);
}

it("a login waits for Hydra's keys, also when Kratos is not there yet", async () => {
  await vi.waitFor(() => expect(waiting).not.toEqual([]), { timeout: 60_000 });
  const login = gateway.request('/auth/login');
  const first = await Promise.race([login, gateway.request('/health/live')]);
  expect(first.status).toBe(200);
  answerAll();
  expect((await login).status).toBe(302);
});
