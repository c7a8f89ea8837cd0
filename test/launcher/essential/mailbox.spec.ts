import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createProgress } from '../../../scripts/progress.mjs';
import { type OryStack, startOry } from '../../../src/launcher/ory-stack.js';
import { closeContexts, sharedChromium, overflowOf } from '../../support/browser.js';
import { Mailbox } from '../../support/mailbox.js';
import { rawRequest } from '../../support/raw.request.js';

let folder: string;
let ory: OryStack;
let browser: Browser;
let url: string;
const lines: string[] = [];

const strict =
  /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; frame-src 'self'; frame-ancestors 'none'/;
const hostile = `"><img src=x onerror=alert(1)><script>document.title='taken'</script>{{7*7}}&amp;`;
const elsewhere = createServer((request, response) => {
  // Chromium asks for the icon of a window that a person opened, at a moment of its own.
  if (request.url !== '/favicon.ico') {
    asked.push(request.url ?? '');
  }
  response.end();
});
const asked: string[] = [];

/** A mail that would lead to another server in every way. */
function hostileHtml(origin: string): string {
  return `<base target="_self"><title>x</title><meta http-equiv="refresh" content="0;url=${origin}/refresh">
<link rel="stylesheet" href="${origin}/style"><script>top.location='${origin}/script'</script>
<img src="${origin}/image" onerror="alert(1)"><iframe src="${origin}/frame"></iframe>
<form action="${origin}/form"><button>Send</button></form><a href="${origin}/top" target="_top">top</a><a href="${origin}/button">button</a>`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vestibule it's #1 50% "));
  const [started, chromium] = await Promise.all([
    startOry({
      dataDir: folder,
      publicUrl: 'http://localhost:3000',
      environment: process.env,
      log: (source, line) => lines.push(`${source}: ${line}`),
      progress: createProgress(),
    }),
    sharedChromium(inject('chromiumPath')),
  ]);
  elsewhere.listen(0, '127.0.0.1');
  ory = started;
  browser = chromium;
  url = ory.mailboxUrl ?? '';
});

afterAll(async () => {
  elsewhere.close();
  await closeContexts(browser);
  await ory?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Sends a mail as Kratos does. @returns its path in the mailbox. */
async function receive(mail: { to: string; subject: string; text?: string; html?: string }): Promise<string> {
  const transport = createTransport(ory.env['SMTP_URL'] ?? '');
  await transport.sendMail({ from: 'Vestibule <auth@example.org>', ...mail });
  transport.close();
  await new Mailbox({ ory }).next(/[^ <]+@[^>]+/.exec(mail.to)?.[0] ?? '', /./);
  const { body } = await get('/');
  const [, path = ''] = /href="(\/mails\/\w+)"/.exec(body) ?? [];
  expect(path).not.toBe('');
  return path;
}

async function get(path: string): Promise<{ status: number; headers: Headers; body: string }> {
  const answer = await rawRequest(url, { path });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

it('an empty mailbox says so', async () => {
  const { status, body } = await get('/');
  expect([status, body]).toEqual([200, expect.stringContaining('There is no mail yet.')]);
});

it('the newest mail stands first, with recipient, subject, moment and the beginning of its text', async () => {
  await receive({ to: 'first@example.org', subject: 'The first', text: 'One.' });
  await receive({ to: 'Ada <second@example.org>', subject: 'The second', text: 'Two sheep.' });
  const { body } = await get('/');
  expect(body.indexOf('The second')).toBeGreaterThan(0);
  expect(body.indexOf('The second')).toBeLessThan(body.indexOf('The first'));
  expect(body).toContain('Ada &lt;second@example.org&gt;');
  expect(body).toContain('Two sheep.');
  expect(body).toMatch(/<time datetime="[^"]+Z">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC<\/time>/);
});

it('a mail of plain text has links that can be clicked, without the end of a sentence', async () => {
  const path = await receive({
    to: 'plain@example.org',
    subject: 'Plain',
    text: 'Go to http://localhost:3000/a?b=1&c=2. Or <https://example.org/x>, <b>now</b>.',
  });
  const { body } = await get(path);
  expect(body).toContain('href="http://localhost:3000/a?b=1&amp;c=2" target="_blank" rel="noreferrer"');
  expect(body).toContain('href="https://example.org/x"');
  expect(body).toContain('&lt;b&gt;now&lt;/b&gt;');
});

it('what a hostile mail says is text, and its own document runs, asks and leads nowhere [H10]', async () => {
  const address = elsewhere.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const mail = { subject: hostile, text: hostile, html: hostileHtml(origin) };
  const path = await receive({ to: 'hostile@example.org', ...mail });
  for (const page of ['/', path]) {
    const { headers, body } = await get(page);
    expect(body).not.toMatch(/<script|<img|onerror=alert\(1\)>/);
    expect(body).toContain('&lt;script&gt;document.title=&#39;taken&#39;');
    expect(headers.get('content-security-policy')).toMatch(strict);
  }
  const { headers } = await get(`${path}/content`);
  expect(headers.get('content-security-policy')).toMatch(
    /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'/,
  );

  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('dialog', () => asked.push('a dialog'));
  for (const place of [path, `${path}/content`]) {
    await page.goto(url + place, { waitUntil: 'load' });
    const shown = place === path ? page.frameLocator('iframe') : page;
    await shown.getByRole('link', { name: 'top' }).waitFor();
    await shown.getByRole('button', { name: 'Send' }).click();
    expect(page.url()).toBe(url + place);
  }
  expect(asked).toEqual([]);
  expect(await page.title()).not.toBe('taken');
  // What a person clicks does lead there, in a window of its own.
  const opened = context.waitForEvent('page');
  await page.goto(url + path);
  await page.frameLocator('iframe').getByRole('link', { name: 'button' }).click();
  await (await opened).waitForLoadState();
  expect(asked).toEqual(['/button']);
  await context.close();
});

it.each(['evil.example', 'localhost', '127.0.0.1:1', 'localhost.evil.example:80', '[::1]:80'])(
  'by the host name "%s" nothing is to be had [H06]',
  async (host) => {
    for (const path of ['/', '/mails/latest', '/api/v1/messages', '/view/latest.html']) {
      expect((await rawRequest(url, { path, headers: { host } })).status).toBe(403);
    }
  },
);

it('both names of loopback show it', async () => {
  const { port } = new URL(url);
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`]) {
    expect((await rawRequest(url, { path: '/', headers: { host } })).status).toBe(200);
  }
});

it.each([
  '/mails/unknown',
  '/mails/unknown/content',
  '/mails/..%2f..',
  '/mails/',
  '/proxy?url=x',
  '/api/v1/../../proxy',
  '//x',
  '*',
])('%s: 404', async (path) => {
  const { status, headers } = await get(path);
  expect(status).toBe(404);
  expect(headers.get('content-security-policy')).toMatch(strict);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cache-control')).toBe('no-store');
});

it('pages are for reading alone; the API has its methods, and refuses the pages of others', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
    expect((await rawRequest(url, { method, path: '/' })).status).toBe(405);
  }
  expect((await rawRequest(url, { method: 'POST', path: '/api/v1/send', body: '{}' })).status).toBe(405);
  const path = '/api/v1/messages';
  const foreign = { origin: 'http://evil.example' };
  expect((await rawRequest(url, { method: 'DELETE', path, headers: foreign })).status).toBe(403);
  expect((await get('/view/latest.html')).status).toBe(200);
  expect((await fetch(url + path, { method: 'DELETE', body: '{"IDs":[]}' })).status).toBe(200);
  expect((await get('/')).body).toContain('There is no mail yet.');
});

it('a narrow window shows all of it', async () => {
  const path = await receive({
    to: `${'long'.repeat(15)}@example.org`,
    subject: 'w'.repeat(150),
    text: 'x'.repeat(300),
  });
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  for (const place of ['/', path]) {
    await page.goto(url + place);
    expect(await overflowOf(page)).toBe(0);
  }
  await page.close();
});

it('a Mailpit that was killed comes back to the same mails; without one, the page says so', async () => {
  await receive({ to: 'kept@example.org', subject: 'Kept', text: 'Still here.' });
  ory.children.mailpit?.kill('SIGKILL');
  await expect.poll(() => lines, { timeout: 60_000 }).toContain('mailpit: is ready again');
  expect((await get('/')).body).toContain('Still here.');
  await ory.children.mailpit?.stop();
  const { status, body } = await get('/');
  expect([status, body]).toEqual([502, expect.stringContaining('does not answer')]);
  expect((await get('/api/v1/messages')).status).toBe(502);
});
