// Takes the README's picture, the first minute of a fresh copy: `node scripts/take-pictures.mjs`, after `npm run build`. The copy runs
// on a data folder of its own, on PORT (default 3000), and is stopped at the end.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { chromium } from 'playwright-core';
import { root } from './prepare.mjs';

const target = join(root, 'docs/images/first-minute.png');
const window = { width: 520, height: 640 };
const person = {
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  password: randomBytes(12).toString('base64url'),
};
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path && existsSync(path));

/** Starts a copy. @returns what it printed until it was ready, and how to stop it. */
async function start(dataDir) {
  const child = spawn(process.execPath, [join(root, 'dist/launcher/main.js')], {
    env: { ...process.env, DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let printed = '';
  await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      if (/Password:.*\n[^]*\n/.test(printed)) {
        resolve();
      }
    });
    void ended.then(() => reject(new Error(`it ended before it was ready:\n${printed}`)));
  });
  const stop = () => {
    child.kill('SIGINT');
    return ended;
  };
  return { printed, stop };
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
/** The lines at the end, as a terminal shows them; neither the password nor the temporary folder. */
const terminal = (printed) =>
  escape(
    printed
      .slice(printed.indexOf('  Vestibule is ready'))
      .replace(/(Password: +)\S+/, '$1•••••-•••••-•••••-•••••')
      .replace(/DATA_DIR=\S+ /, ''),
  );

const folder = mkdtempSync(join(tmpdir(), 'vestibule-pictures-'));
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
let copy;
try {
  copy = await start(join(folder, 'data'));
  const [, origin] = /is ready: (\S+)/.exec(copy.printed);
  const [, mailboxUrl] = /Mailbox[^\n]*: (\S+)/.exec(copy.printed);
  const page = await browser.newPage({ viewport: window, colorScheme: 'light' });

  await page.goto(`${origin}/auth/signup`);
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  const signUp = await page.screenshot();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: person.name }).waitFor();

  const letter = await browser.newPage({ viewport: window, colorScheme: 'light' });
  const subject = letter.getByRole('link', { name: /verify/i }).first();
  // A mail is there a moment after the page that says so.
  do {
    await letter.goto(mailboxUrl);
  } while ((await subject.count()) === 0);
  await subject.click();
  const content = letter.frameLocator('iframe');
  const button = content.getByRole('link', { name: /verify/i });
  await button.waitFor();
  const link = await button.getAttribute('href');
  const inbox = await letter.screenshot();

  await page.goto(link);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('link', { name: 'Continue' }).click();
  await page.getByText('Verified', { exact: true }).waitFor();
  const account = await page.screenshot();

  const token = await page.evaluate(async () => {
    const { access_token: compact } = await (
      await fetch('/auth/token', {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
        }),
      })
    ).json();
    return JSON.parse(atob(compact.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  });

  // The ones that a service decides by; docs/api.md has them all.
  const { iss, aud, sub, exp, email, email_verified, name, roles, scope, acr } = token;
  const shown = { iss, aud, sub, exp, email, email_verified, name, roles, scope, acr };

  const scale = 0.62;
  const [width, height] = [window.width * scale, window.height * scale];
  const image = (bytes) =>
    `<img src="data:image/png;base64,${bytes.toString('base64')}" width="${width}" height="${height}">`;
  const panes = [
    ['npm start', `<pre>$ npm start\n\n${terminal(copy.printed)}</pre>`],
    ['Sign up', image(signUp)],
    ['Open the mail', image(inbox)],
    ['Your account', image(account)],
    ['What your services get', `<pre>${escape(JSON.stringify(shown, null, 1))}</pre>`],
  ];
  const sheet = await browser.newPage({
    viewport: { width: Math.ceil(panes.length * (width + 20) + 20), height: Math.ceil(height + 70) },
    deviceScaleFactor: 1.5,
  });
  await sheet.setContent(`
    <!doctype html><style>
      body { display: grid; grid-template-columns: repeat(${panes.length}, ${width}px); gap: 20px; padding: 16px 20px; margin: 0; background: #dfe7e6; font: 600 15px system-ui, sans-serif; color: #12282a }
      figure { margin: 0 } figcaption { padding: 0 0 10px 2px }
      img, pre { display: block; box-sizing: border-box; border-radius: 10px; box-shadow: 0 2px 12px #12282a33; margin: 0 }
      pre { width: ${width}px; height: ${height}px; padding: 14px; overflow: hidden; background: #12282a; color: #dff3ef; font: 11px/1.55 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
    </style>
    ${panes.map(([title, body], index) => `<figure><figcaption>${index + 1}. ${title}</figcaption>${body}</figure>`).join('')}`);
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  await sheet.screenshot({ path: target });
  process.stdout.write(`${relative(root, target)}: ${Math.round(statSync(target).size / 1024)} kB\n`);
} finally {
  await browser.close();
  await copy?.stop();
  rmSync(folder, { recursive: true, force: true });
}
