import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import {
  type GatewaySite,
  type RunningGateway,
  newGatewaySite,
  runGateway,
} from '../../../../../test/support/gateway.runner.js';
import { newAccount } from '../../../../../test/support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../../../../../test/support/openid.provider.js';
import { caep, SignalTransmitter } from '../../../../../test/support/signal.transmitter.js';
import { sendForm, travel } from '../../../../../test/support/travel.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const account = newAccount();
const colleague = newAccount();
let site: GatewaySite;
let provider: OpenIdProvider;
let transmitter: SignalTransmitter;
let gateway: RunningGateway;

beforeAll(async () => {
  site = await newGatewaySite();
  const [port = 0] = await findFreePorts(1);
  const client = { client_id: 'gateway', client_secret: randomBytes(16).toString('hex') };
  provider = await startOpenIdProvider({
    flavour: 'plain',
    port,
    audience: 'https://api.example.test',
    accounts: [account, colleague],
    clients: [
      {
        ...client,
        redirect_uris: [`${site.url}/auth/callback`],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
  });
  transmitter = await SignalTransmitter.start();
  gateway = await runGateway(site, {
    AUTH_PROVIDER: 'oidc',
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: client.client_id,
    OIDC_CLIENT_SECRET: client.client_secret,
    SIGNAL_TRANSMITTERS: transmitter.issuer,
  });
});

afterAll(async () => {
  await gateway?.stop();
  await transmitter?.stop();
  await provider?.stop();
  await site?.remove();
});

async function loggedIn(login: string): Promise<UserAgent> {
  const agent = new UserAgent(site.url);
  await sendForm(agent, (await travel(agent, `${site.url}/auth/login`)).page, { login });
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  return agent;
}

it('the security team revokes a user’s sessions: the next request here is 401, and a colleague notices nothing', async () => {
  const [laptop, phone] = [await loggedIn(account.sub), await loggedIn(account.sub)];
  const other = await loggedIn(colleague.sub);
  const token = await transmitter.sign(
    transmitter.claims(
      site.url,
      { [`${caep}session-revoked`]: { initiating_entity: 'policy', event_timestamp: Date.now() / 1000 } },
      { format: 'iss_sub', iss: provider.issuer, sub: account.sub },
    ),
  );
  const answer = await fetch(`${site.url}/ssf/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' },
    body: token,
  });
  expect([answer.status, await answer.text()]).toEqual([202, '']);
  expect((await laptop.fetch('/auth/session')).status).toBe(401);
  expect((await phone.fetch('/auth/session')).status).toBe(401);
  expect((await other.fetch('/auth/session')).status).toBe(200);
  const ended = (await gateway.auditTrail()).filter(({ type }) => type === 'session_ended');
  expect(ended.map(({ reason }) => reason)).toEqual(['signal_received', 'signal_received']);
});
