import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { waitUntil } from '../support/stack.js';
import { timeout, useJourney } from './journey.js';

/** A file of the example, with addresses of this machine, and no mail server but the one that `npm start` brings. */
function exampleOf(name: string): string {
  return readFileSync(new URL(`../../examples/one-machine/${name}`, import.meta.url), 'utf8')
    .replaceAll('auth.example.org', name === 'Caddyfile' ? 'https://localhost:8443' : 'localhost:8443')
    .replace('you@example.org', 'operator@vestibule.test')
    .replace('/var/lib/vestibule', '.data')
    .replace(/^SMTP_URL=.*\n/m, '');
}

const unit = exampleOf('vestibule.service');
const [, environment = ''] = /^Environment=(.*)$/m.exec(unit) ?? [];
const [, program = ''] = /^ExecStart=\/usr\/bin\/(.*)$/m.exec(unit) ?? [];
// As systemd reads it.
const variables = [environment, ...exampleOf('vestibule.env').trim().split('\n')];

const journey = useJourney({
  start: { commands: `export ${variables.join(' ')}\nexec ${program}`, ports: [3000, 8443], isFirst: true },
});

const reportSchema = z.looseObject({ findings: z.array(z.looseObject({ code: z.string() })) });

let caddy: ChildProcess | undefined;
let home: string;

beforeAll(async () => {
  home = join(journey.folder, '..', 'caddy');
  mkdirSync(home);
  const file = join(home, 'Caddyfile');
  // No port for its own administration or for plain http, and nobody's list of authorities is changed.
  const options = '{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n';
  writeFileSync(file, options + journey.printed(exampleOf('Caddyfile')));
  const child = spawn(inject('caddyPath'), ['run', '--config', file, '--adapter', 'caddyfile'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, XDG_DATA_HOME: home },
    stdio: 'ignore',
  });
  caddy = child;
  await waitUntil(
    async () => {
      expect(child.exitCode).toBeNull();
      return (await journey.shell(`curl -fsS --cacert '${authority()}' ${journey.url}`)).status === 0;
    },
    'the proxy to answer',
    timeout,
  );
}, 2 * timeout);

afterAll(async () => {
  if (caddy?.exitCode === null) {
    caddy.kill('SIGTERM');
    await once(caddy, 'exit');
  }
});

/** The certificate of Caddy's own authority, which stands for a public one. */
const authority = (): string => join(home, 'caddy/pki/authorities/local/root.crt');

it(
  'an operator runs it on one machine without containers: TLS, a login, the doctor, a backup, a restart',
  async () => {
    expect(journey.url).toBe(journey.printed('https://localhost:8443'));
    const page = await journey.browser({ ignoreHTTPSErrors: true });
    await logInIn(page, journey.url, journey.administrator);
    const cookies = await page.context().cookies();
    expect(cookies.map(({ name }) => name)).toContain('__Host-vestibule');
    expect(cookies.filter(({ secure }) => !secure)).toEqual([]);
    expect((await page.request.get(`${journey.url}/auth/verify`)).status()).toBe(404);
    expect((await page.request.get(`${journey.url}/demo`)).status()).toBe(404);

    const doctor = await journey.shell(
      `export ${variables.join(' ')}\nnode dist/cli/main.js doctor --json --timeout 20`,
      {
        NODE_EXTRA_CA_CERTS: authority(),
      },
    );
    expect(doctor.status).toBe(0);
    // Caddy's own authority signs for twelve hours.
    const { findings } = reportSchema.parse(JSON.parse(doctor.stdout));
    expect(findings.map(({ code }) => code)).toEqual(['certificate_expires_soon']);

    const backup = join(journey.folder, '..', 'backup');
    mkdirSync(backup);
    const commands = blockRunBy('docs/operations.md', 'test/e2e/backup-restore.spec.ts', 'backup on sqlite');
    expect(await journey.shell(commands, { DATA_DIR: journey.dataDir, BACKUP: backup })).toMatchObject({
      status: 0,
    });
    expect(readdirSync(backup).toSorted()).toEqual([
      'hydra.sqlite',
      'kratos.sqlite',
      'secrets.json',
      'vestibule.db',
    ]);

    await journey.restart();
    expect((await page.request.get(`${journey.url}/auth/session`)).status()).toBe(200);
  },
  8 * timeout,
);
