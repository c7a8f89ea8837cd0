import { copyFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePorts } from '../../../../../launcher/port-finder.js';
import { type Agent, startAgent } from '../../../../../../test/support/agent.program.js';
import { fillLogin, logInIn, signUpIn } from '../../../../../../test/support/browser.person.js';
import { type LocalAuthority, makeAuthority } from '../../../../../../test/support/local.authority.js';
import { installPackages, packPackages } from '../../../../../../test/support/packed.packages.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { startServer } from '../../../../../../test/support/service.program.js';
import { waitUntil } from '../../../../../../test/support/stack.js';
import { checkout, ownEnvironment, timeout, useJourney } from '../../../../../../test/journeys/journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 6 * timeout;
const [notesPort = 0, tasksPort = 0, documentPort = 0, callbackPort = 0] = await findFreePorts(4);
const notes = `http://localhost:${notesPort}/mcp`;
const tasks = `http://localhost:${tasksPort}/mcp`;
const documentUrl = `https://localhost:${documentPort}/notes-helper.json`;
const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Add notes' };

const authority: LocalAuthority = await makeAuthority();
const journey = useJourney({
  env: {
    PROTECTED_RESOURCES: JSON.stringify([
      { resource: notes, resource_name: 'Notes', scopes },
      { resource: tasks, resource_name: 'Tasks', scopes },
    ]),
    // The client's maker has a web site; here it is on this machine, which the operator has to allow.
    CLIENT_METADATA_HOSTS: `localhost:${documentPort}`,
    NODE_EXTRA_CA_CERTS: authority.path,
  },
});
const person = newPerson();
const running: (() => Promise<unknown>)[] = [];
let folder: string;

beforeAll(async () => {
  folder = installPackages(
    join(journey.dataDir, '..', 'project'),
    packPackages(join(journey.dataDir, '..', 'packed')),
  );
  for (const file of ['server.mjs', 'client.mjs']) {
    copyFileSync(join(checkout, 'examples/mcp', file), join(folder, file));
  }
  const browser = await journey.browser();
  await logInIn(browser, journey.url, journey.administrator);
  // As an administrator does in Swagger UI.
  const { key } = await browser.evaluate(async (): Promise<{ key: string }> => {
    const body = JSON.stringify({ name: 'Notes', scope: 'revocations:read' });
    const headers = { 'content-type': 'application/json' };
    return (await fetch('/api/v1/api-keys', { method: 'POST', headers, body })).json();
  });
  for (const port of [notesPort, tasksPort]) {
    const env = { ...ownEnvironment(), GATEWAY: journey.url, PORT: String(port), REVOCATIONS_KEY: key };
    const server = await startServer(`http://localhost:${port}/`, [process.execPath, 'server.mjs'], {
      cwd: folder,
      env,
    });
    running.push(() => server.stop());
  }
  const site = createServer(await authority.issue('localhost', 2), (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        client_id: documentUrl,
        client_name: 'Notes helper',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
      }),
    );
  }).listen(documentPort, 'localhost');
  await once(site, 'listening');
  running.push(async () => {
    site.closeAllConnections();
    site.close();
  });
  journey.expectOrigin(`http://127.0.0.1:${callbackPort}`);
  await signUpIn(await journey.browser(), journey.url, person);
}, 10 * limit);

afterAll(async () => {
  await Promise.all(running.map((stop) => stop()));
  await authority.remove();
});

function agentFor(url: string): Agent {
  const env = { ...ownEnvironment(), CALLBACK_PORT: String(callbackPort), CLIENT_METADATA_URL: documentUrl };
  const agent = startAgent([process.execPath, 'client.mjs', url], { cwd: folder, env, limit });
  running.push(() => agent.stop());
  return agent;
}

/** Opens the page that the agent names, logs in there, and reads the consent page. */
async function openConsent(agent: Agent): Promise<Page> {
  const page = await journey.browser();
  await page.goto(await agent.said('OPEN'));
  await fillLogin(page, person);
  await page.getByRole('heading', { name: 'Allow Notes helper to use your account?' }).waitFor();
  return page;
}

it(
  'an agent that knows only the server’s URL comes to its user’s notes and to nothing else, until the user revokes its access',
  async () => {
    const agent = agentFor(notes);
    const page = await openConsent(agent);
    const main = page.getByRole('main');
    const text = await main.innerText();
    // Who it is, what it may do where, and for how long.
    expect(text).toContain(`It describes itself at localhost:${documentPort}`);
    expect(text).toContain('The answer goes to a program on this device.');
    expect(text).toContain(`You are logged in as ${person.email}.`);
    expect(text).toContain(`It asks for access to Notes (${notes}), and to nothing else.`);
    expect(text).toContain('that ends when you take it back, or after 30 days without use');
    expect(await main.getByLabel('Read your notes').isChecked()).toBe(true);
    expect(await main.getByLabel('Add notes').isChecked()).toBe(true);
    expect(await main.getByLabel('Remember this').count()).toBe(0);

    await main.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`http://127.0.0.1:${callbackPort}/callback?*`);
    expect(await agent.said('CONNECTED')).toBe('["list_notes","add_note"]');
    expect(await agent.call('add_note {"text":"Buy milk"}')).toBe('ANSWER ["Added."]');
    expect(await agent.call('list_notes')).toBe(`ANSWER ["Buy milk (by ${documentUrl})"]`);

    const account = await journey.browser();
    await logInIn(account, journey.url, person);
    const section = account.getByRole('article', { name: 'Connected apps' });
    const entry = await section.getByRole('listitem').innerText();
    expect(entry).toContain(`It describes itself at localhost:${documentPort}.`);
    expect(entry).toMatch(/At Notes, it can:\s+Read your notes\s+Add notes/);
    expect(entry).not.toContain('notes:read');
    await section.getByRole('button', { name: 'Revoke access: Notes helper' }).click();
    await account.getByText('Notes helper no longer has access.').waitFor();
    // Neither its token nor a refresh gets it any further: it would have to ask its user again.
    await waitUntil(
      async () => (await agent.call('list_notes')).startsWith('OPEN '),
      'the agent to be refused',
      limit,
    );
    await agent.stop();
  },
  limit,
);

it(
  'the user allows less than it asks for',
  async () => {
    const agent = agentFor(notes);
    const page = await openConsent(agent);
    await page.getByLabel('Add notes').uncheck();
    await page.getByRole('button', { name: 'Allow' }).click();
    await agent.said('CONNECTED');
    expect(await agent.call('add_note {"text":"Sell milk"}')).toBe(
      'ANSWER ["The user has not allowed this."]',
    );
  },
  limit,
);
