import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { SignalStreamRepository } from '../../transmitter/signal-stream.repository.js';
import { SignalStreams } from '../../transmitter/signal-streams.js';

const tokenSchema = z.looseObject({ access_token: z.string() });
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

it('an application that is a machine has a stream of events as long as it has the scope', async () => {
  const client = await registerApplication(stack, {
    name: 'Siem',
    kind: 'machine',
    redirectUris: [],
    scope: 'revocations:read',
  });
  const agent = new UserAgent(stack.url);
  const given = await new OAuthApp(stack.url, client, '').token(agent, {
    grant_type: 'client_credentials',
    audience: stack.url,
  });
  const exchanged = await agent.request('/auth/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: tokenSchema.parse(given.json()).access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    }),
  });
  const bearer = tokenSchema.parse(exchanged.json()).access_token;
  const made = await agent.request('/ssf/streams', {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(made.status).toBe(201);
  const { stream_id: id } = z.looseObject({ stream_id: z.string() }).parse(made.json());
  // Asked before each event that is pushed.
  const mayBeTold = async (): Promise<boolean | undefined> => {
    const row = await stack.app().get(SignalStreamRepository, { strict: false }).find(id);
    return row && stack.app().get(SignalStreams, { strict: false }).isAuthorized(row);
  };
  expect(await mayBeTold()).toBe(true);
  const administrator = await administratorOf(stack);
  const path = `/api/v1/applications/${client.id}`;
  expect((await administrator.send('PATCH', path, { scope: 'shop:read' })).status).toBe(200);
  expect(await mayBeTold()).toBe(false);
});
