// Takes the README's picture from a running copy: `node scripts/take-pictures.mjs http://localhost:3000`.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { chromium } from 'playwright-core';
import { root } from './prepare.mjs';

const origin = new URL(process.argv[2] ?? 'http://localhost:3000').origin;
const target = join(root, 'docs/images/pages.png');
const window = { width: 600, height: 740 };
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path && existsSync(path));

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
try {
  const page = await browser.newPage({ viewport: window, colorScheme: 'light' });
  await page.goto(`${origin}/auth/login`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  const login = await page.screenshot();

  await page.goto(`${origin}/auth/signup`);
  await page.getByLabel('E-mail').fill(`ada-${randomBytes(3).toString('hex')}@example.org`);
  await page.getByLabel('Name').fill('Ada Lovelace');
  await page.getByLabel('Password').fill(randomBytes(12).toString('base64url'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor();
  const account = await page.screenshot();

  const images = [login, account].map((image) => `data:image/png;base64,${image.toString('base64')}`);
  const sheet = await browser.newPage({
    viewport: { width: 2 * window.width + 72, height: window.height + 48 },
  });
  await sheet.setContent(`
    <!doctype html><style>
      body { display: flex; gap: 24px; padding: 24px; margin: 0; background: #dfe7e6 }
      img { border-radius: 10px; box-shadow: 0 2px 12px #12282a33 }
    </style>
    ${images.map((source) => `<img src="${source}" width="${window.width}" height="${window.height}">`).join('')}`);
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  await sheet.screenshot({ path: target });
  process.stdout.write(`${relative(root, target)}: ${Math.round(statSync(target).size / 1024)} kB\n`);
} finally {
  await browser.close();
}
