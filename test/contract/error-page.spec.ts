import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type AnsweringOry, startAnsweringOry } from '../support/answering.ory.js';

let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry();
});

afterEach(() => {
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

const page = async (query: Readonly<Record<string, string>>) =>
  ory.gateway.request(`/ui/error?${new URLSearchParams(query)}`, { headers: { accept: 'text/html' } });

it.each(['invalid_client', 'unmet_authentication_requirements', 'server_error'])(
  'the error page shows the code %s of Hydra',
  async (error) => {
    expect((await page({ error })).text).toContain(`<code>${error}</code>`);
  },
);

it('the error page shows the code of an error that Kratos has stored', async () => {
  ory.say('GET /self-service/errors', 200, { error: { id: 'security_csrf_violation', code: 403 } });
  expect((await page({ id: crypto.randomUUID() })).text).toContain('<code>security_csrf_violation</code>');
});

it('the error page shows no words that somebody has put into its address, and leads nowhere that it names', async () => {
  const strange = 'locked_call_0800_123456';
  const { text } = await page({
    error: strange,
    error_description: strange,
    return_to: 'https://stranger.example',
  });
  expect(text).toContain('<code>unknown_error</code>');
  expect(text).not.toMatch(/0800|stranger/);
});
