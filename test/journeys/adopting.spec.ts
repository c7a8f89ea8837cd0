import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logInIn } from '../support/browser.person.js';
import { blocksRunBy } from '../support/document.blocks.js';
import { checkout, timeout, useJourney } from './journey.js';

const page = 'docs/adopting.md';

const journey = useJourney({
  start: { commands: blocksRunBy(page, 'test/journeys/adopting.spec.ts').join('\n'), ports: [3000] },
});

it(
  'a developer follows docs/adopting.md word for word: the module is there, closed, in the API docs and in a client',
  async () => {
    const notes = `${journey.url}/api/v1/notes`;
    expect((await fetch(notes)).status).toBe(401);
    expect((await fetch(`${notes}/about`)).status).toBe(200);

    const browser = await journey.browser();
    await logInIn(browser, journey.url, journey.administrator);
    await browser.goto(`${journey.url}/orgs/new`);
    await browser.getByLabel('Name', { exact: true }).fill('Analytical Engines');
    await browser.getByLabel('Short name').last().fill('engines');
    await browser.getByRole('button', { name: 'Create organisation' }).click();
    await browser.getByRole('heading', { name: 'Analytical Engines' }).waitFor();

    // What the page itself says in passing: a browser's session is enough. What /docs shows is what the client is made from, below.
    const write = `fetch('/api/v1/notes', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'Buy milk' }) }).then((answer) => answer.json())`;
    expect(await browser.evaluate(write)).toMatchObject({ text: 'Buy milk' });
    expect(await browser.evaluate("fetch('/api/v1/notes').then((answer) => answer.json())")).toMatchObject({
      items: [{ text: 'Buy milk' }],
    });

    const [, client] =
      /`(npx @hey-api\/openapi-ts [^`]+)`/.exec(readFileSync(join(checkout, page), 'utf8')) ?? [];
    const made = await journey.shell(client ?? 'false');
    expect(made).toMatchObject({ status: 0 });
    const sdk = readFileSync(join(journey.folder, 'src', 'client', 'sdk.gen.ts'), 'utf8');
    expect(sdk).toContain("'/api/v1/notes/about'");
    expect(sdk).toContain("'/api/v1/me'");
  },
  8 * timeout,
);
