// Takes the README's picture from a running copy: `node scripts/take-pictures.mjs http://localhost:3000`. With ADMIN_EMAIL and
// ADMIN_PASSWORD it logs in as that administrator and shows their pages too; else it signs somebody up.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { chromium } from 'playwright-core';
import { root } from './prepare.mjs';

const origin = new URL(process.argv[2] ?? 'http://localhost:3000').origin;
const target = join(root, 'docs/images/pages.png');
const window = { width: 620, height: 760 };
const admin = {
  email: process.env.ADMIN_EMAIL ?? `ada-${randomBytes(3).toString('hex')}@example.org`,
  password: process.env.ADMIN_PASSWORD,
};
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
/** What a page looks like. */
async function picture(page, path, ready) {
  await page.goto(origin + path);
  await page
    .getByRole(...ready)
    .first()
    .waitFor();
  return page.screenshot();
}

/** Calls the API as whoever is logged in. */
async function call(page, path, body) {
  return page.evaluate(
    async ([address, content]) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(content) });
      return answer.json();
    },
    [path, body],
  );
}

try {
  const page = await browser.newPage({ viewport: window, colorScheme: 'light' });
  const login = await picture(page, '/auth/login', ['heading', { name: 'Log in' }]);

  await page.goto(`${origin}/auth/login`);
  if (admin.password === undefined) {
    await page.goto(`${origin}/auth/signup`);
    await page.getByLabel('Name').fill('Ada Lovelace');
  }
  await page.getByLabel('E-mail').fill(admin.email);
  await page.getByLabel('Password').fill(admin.password ?? randomBytes(12).toString('base64url'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Devices' }).waitFor();
  const tail = randomBytes(2).toString('hex');
  const { id } = await call(page, '/api/v1/orgs', { name: 'Analytical Engines', slug: `engines-${tail}` });
  await call(page, `/api/v1/orgs/${id}/invites`, { email: 'grace@example.org', role: 'admin' });
  const images = [login];
  images.push(await picture(page, '/', ['heading', { name: 'Organisations' }]));
  images.push(await picture(page, `/orgs/${id}/invites`, ['heading', { name: 'Invitations' }]));
  if (admin.password !== undefined) {
    images.push(await picture(page, '/admin/users', ['heading', { name: 'Users' }]));
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  images.push(await picture(page, '/ui/settings', ['heading', { name: 'Account settings' }]));
  images.push(await picture(page, '/docs', ['heading', { name: 'Vestibule' }]));

  const columns = Math.ceil(images.length / 2);
  const scale = 0.6;
  const [width, height] = [window.width * scale, window.height * scale];
  const sheet = await browser.newPage({
    viewport: { width: Math.ceil(columns * (width + 24) + 24), height: Math.ceil(2 * (height + 24) + 24) },
    deviceScaleFactor: 1.5,
  });
  await sheet.setContent(`
    <!doctype html><style>
      body { display: grid; grid-template-columns: repeat(${columns}, ${width}px); gap: 24px; padding: 24px; margin: 0; background: #dfe7e6 }
      img { border-radius: 10px; box-shadow: 0 2px 12px #12282a33 }
    </style>
    ${images
      .map(
        (image) =>
          `<img src="data:image/png;base64,${image.toString('base64')}" width="${width}" height="${height}">`,
      )
      .join('')}`);
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  await sheet.screenshot({ path: target });
  process.stdout.write(`${relative(root, target)}: ${Math.round(statSync(target).size / 1024)} kB\n`);
} finally {
  await browser.close();
}
