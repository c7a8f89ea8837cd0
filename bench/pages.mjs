// `node bench/pages.mjs [http://localhost:3000]`: how soon the pages of a running copy show something, and what they weigh. Each visit is
// a browser's first: nothing is cached. Prints Markdown.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const origin = new URL(process.argv[2] ?? 'http://localhost:3000').origin;
const rounds = 20;
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});

/** One first visit. @returns milliseconds to the first paint with content, bytes over the wire, and requests. */
async function visit(path, storageState) {
  const context = await browser.newContext({ storageState });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  const types = new Map();
  let bytes = 0;
  session.on('Network.responseReceived', ({ requestId, type }) => types.set(requestId, type));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    bytes += types.get(requestId) === 'Image' ? 0 : encodedDataLength;
  });
  await page.goto(origin + path, { waitUntil: 'networkidle' });
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
  );
  await context.close();
  return { paint, bytes, requests: types.size };
}

async function member() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/auth/signup`);
  await page.getByLabel('E-mail').fill(`ada-${randomBytes(3).toString('hex')}@example.org`);
  await page.getByLabel('Password').fill(randomBytes(12).toString('base64url'));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/`);
  const state = await context.storageState();
  await context.close();
  return state;
}

const quantile = (values, part) =>
  values.toSorted((one, other) => one - other)[Math.floor(part * (values.length - 1))];

try {
  const state = await member();
  const pages = [
    ['welcome', '/', undefined],
    ['log in', '/auth/login', undefined],
    ['sign up', '/auth/signup', undefined],
    ['recovery', '/ui/recovery', undefined],
    ['account', '/', state],
    ['settings', '/ui/settings', state],
  ];
  process.stdout.write(
    '| page | first paint, median (ms) | p95 (ms) | over the wire without pictures (kB) | requests |\n| --- | ---: | ---: | ---: | ---: |\n',
  );
  for (const [name, path, storageState] of pages) {
    const visits = [];
    for (let round = 0; round < rounds; round += 1) {
      visits.push(await visit(path, storageState));
    }
    const paints = visits.map(({ paint }) => paint);
    const [{ bytes, requests }] = visits;
    process.stdout.write(
      `| ${name} | ${Math.round(quantile(paints, 0.5))} | ${Math.round(quantile(paints, 0.95))} | ${(bytes / 1000).toFixed(1)} | ${requests} |\n`,
    );
  }
} finally {
  await browser.close();
}
