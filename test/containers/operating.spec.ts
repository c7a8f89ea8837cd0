import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUpIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { OAuthApp } from '../support/oauth.app.js';
import { type Load, startLoad } from '../support/load.js';
import { logIn, newPerson } from '../support/person.js';
import { waitUntil } from '../support/stack.js';
import type { UserAgent } from '../support/user-agent.js';
import { upLimit, useSelfHoster } from './self.hoster.js';

const page = 'docs/production.md';
const self = 'test/containers/operating.spec.ts';
const origin = 'https://localhost:8443';
const gateways = ['gateway-1', 'gateway-2'];
const host = useSelfHoster();
let browser: () => UserAgent;
let user: UserAgent;
let load: Load | undefined;

afterAll(async () => {
  await load?.stop();
});

/** Pages and guarded requests of a user who is logged in. @param pause milliseconds between two, where they go on for minutes. */
const startUsing = (pause?: number): Load =>
  startLoad(
    2,
    async (lane) => {
      const { status } = await (lane === 0 ? user.fetch('/auth/session') : user.navigate('/'));
      return status === 200 ? undefined : String(status);
    },
    pause,
  );

/** Waits until this many more requests have been answered. */
async function answered(current: Load, more: number): Promise<void> {
  const before = current.requests();
  await waitUntil(() => current.requests() >= before + more, `${more} requests`);
}

it(
  'a first start of PostgreSQL that failed ends the command, and `down --volumes` lets the next one succeed, from a checkout under umask 027',
  async () => {
    const file = join(host.folder, 'docker/postgres/databases.sh');
    const right = await readFile(file, 'utf8');
    const wrong = right.replace(/^done$/m, 'exit 1\ndone');
    expect(wrong).not.toBe(right);
    await writeFile(file, wrong);
    const failed = await host.tryShell('./make-secrets.sh && docker compose up --detach --build --wait');
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(/postgres-1 is unhealthy/);

    await writeFile(file, right);
    expect((await host.tryShell('docker compose down --volumes')).code).toBe(0);
    await host.shell(blockRunBy(page, self, 'trial'));
    const states = [...(await host.services()).values()];
    expect(states.filter(({ Health }) => Health === 'unhealthy')).toEqual([]);
    expect(states.filter(({ Health }) => Health === 'healthy').length).toBeGreaterThan(6);
  },
  upLimit,
);

it(
  'without a domain and a mail server, a user signs up and finds the mail in the mailbox',
  async () => {
    const window = await host.page('localhost');
    const person = newPerson();
    await signUpIn(window, origin, person);
    expect(await window.locator('body').innerText()).toContain(person.email);

    const mailbox = await window.context().newPage();
    const query = new URLSearchParams({ query: `to:"${person.email}"` });
    await waitUntil(async () => {
      await mailbox.goto(`http://127.0.0.1:8025/api/v1/search?${query}`);
      return (await mailbox.locator('body').innerText()).includes(person.email);
    }, 'the mail');
  },
  upLimit,
);

describe('a deployment that runs', () => {
  beforeAll(async () => {
    browser = await host.browsers(origin);
    user = browser();
    await logIn(user, { email: 'admin@vestibule.example', password: await host.secret('admin_password') });
  }, upLimit);

  it('every container is closed: no way to write, no capability, no other user than it names', async () => {
    for (const [name, { State }] of await host.services()) {
      if (State !== 'running') {
        continue;
      }
      const inside = (command: string) => host.tryShell(`docker compose exec -T ${name} sh -c '${command}'`);
      expect.soft((await inside('touch /etc/planted')).output, name).toContain('Read-only file system');
      const { output } = await inside('grep -E "^(Uid|CapEff|NoNewPrivs)" /proc/1/status');
      expect.soft(output, name).toMatch(/NoNewPrivs:\s+1/);
      expect.soft(output, name).toMatch(/CapEff:\s+0{16}\b/);
    }
    const { output } = await host.tryShell('docker compose exec -T postgres sh -c "cat /proc/1/status"');
    expect(output).toMatch(/Uid:\s+(?!0\b)\d+/);
  });

  it('no secret is in an environment, a command or a log, and none can be read from outside', async () => {
    const names = (await host.shell('ls docker/secrets')).trim().split('\n');
    const secrets: string[] = [];
    for (const name of names.filter((name) => !/^(?:smtp_url|tls\.crt|ca\.crt)$/.test(name))) {
      // Passwords and keys within settings, and whole lines of what is nothing but a secret.
      const found = (await host.secret(name)).match(/\b[0-9a-f]{24,}\b|^[\w+/=]{40,}$/gm) ?? [];
      expect.soft(found, name).not.toEqual([]);
      secrets.push(...found);
    }
    expect(secrets.length).toBeGreaterThan(10);
    const told = await host.shell(
      'docker inspect $(docker ps --all --quiet); cd docker; docker compose logs',
    );
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
    expect(await host.shell('stat -c %a docker/secrets docker/.env')).toBe('700\n600\n');
  });

  it('a gateway that is killed fails no request', async () => {
    load = startUsing();
    await answered(load, 20);
    await host.shell('cd docker && docker compose kill gateway-1');
    await answered(load, 100);
    await host.shell('cd docker && docker compose up --detach --no-deps --wait gateway-1');
    await answered(load, 20);
    const { requests, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(140);
  });

  it(
    'an update, one gateway after the other, fails no request',
    async () => {
      const imagesOf = () =>
        host.shell(
          `cd docker && docker inspect --format '{{.Image}}' $(docker compose ps --quiet ${gateways.join(' ')})`,
        );
      const before = (await imagesOf()).trim().split('\n');
      const file = join(host.folder, 'docker/Dockerfile');
      await writeFile(file, (await readFile(file, 'utf8')).replace('title="Vestibule"', 'title="Newer"'));
      load = startUsing(60);
      await answered(load, 20);
      await host.shell(`cd docker\n${blockRunBy(page, self, 'update')}`);
      await answered(load, 20);
      const { requests, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(requests).toBeGreaterThan(100);
      const after = (await imagesOf()).trim().split('\n');
      expect(after).toHaveLength(2);
      expect(after.filter((image) => before.includes(image))).toEqual([]);
      const [, version = ''] = /^VESTIBULE_VERSION=(\S+)/m.exec(await host.shell('cat docker/.env')) ?? [];
      expect(version).toContain('.files-');
      expect(await host.shell('cd docker && docker compose exec -T gateway-2 vestibule --version')).toBe(
        `${version}\n`,
      );
    },
    upLimit,
  );

  it(
    'stops in order, PostgreSQL too, and starts again without a recovery; users stay logged in',
    async () => {
      await host.shell('cd docker && docker compose stop');
      const stopped = await host.services();
      for (const name of ['postgres', 'redis', 'kratos', 'hydra', 'proxy']) {
        expect.soft([name, stopped.get(name)?.ExitCode]).toEqual([name, 0]);
      }
      const first = await host.shell('cd docker && docker compose logs --no-log-prefix postgres');
      expect(first.trimEnd()).toMatch(/database system is shut down$/);
      await host.shell('cd docker && docker compose --profile mailbox up --detach --wait');
      const all = await host.shell('cd docker && docker compose logs --no-log-prefix postgres');
      expect(all.length).toBeGreaterThan(first.length);
      expect(all).not.toMatch(/not properly shut down|automatic recovery/);
      expect((await user.fetch('/auth/session')).status).toBe(200);
    },
    upLimit,
  );

  it('the doctor, inside, has nothing to say', async () => {
    expect(await host.tryShell(blockRunBy(page, self, 'doctor'))).toEqual({ code: 0, output: 'all good\n' });
  });

  it('an application is registered at Hydra, as the documentation shows', async () => {
    const printed = await host.shell(`cd docker\n${blockRunBy('docs/providers.md', self, 'register')}`);
    const [, id = ''] = /CLIENT ID\s+(\S+)/.exec(printed) ?? [];
    const [, secret = ''] = /CLIENT SECRET\s+(\S+)/.exec(printed) ?? [];
    expect(secret).not.toBe('');
    const wiki = new OAuthApp(origin, { id, secret }, 'https://wiki.example.org/callback');
    const answer = await browser().fetch(wiki.authorize({ audience: undefined }).path);
    expect([answer.status, answer.headers.get('location')]).toEqual([
      302,
      expect.stringContaining('login_challenge='),
    ]);
  });
});
