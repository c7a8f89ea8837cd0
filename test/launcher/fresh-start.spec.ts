import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { createProgress } from '../../scripts/progress.mjs';
import { logIn, newPerson, type Person } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';
import { launcherEnvironment, startLauncher } from './launcher.harness.js';

const loops = 6;
const people = 24;
/** So many log in at the same time. */
const atOnce = 8;
/** Milliseconds that a start may take on a machine as busy as this. */
const startLimit = 300_000;
const busy: ChildProcess[] = [];

beforeAll(async () => {
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, createProgress());
  for (let loop = 0; loop < loops; loop += 1) {
    busy.push(
      spawn(process.execPath, ['-e', 'for (const parent = process.ppid; process.ppid === parent;);'], {
        stdio: 'ignore',
      }),
    );
  }
}, 600_000);

afterAll(async () => {
  await Promise.all(
    busy.map(async (loop) => {
      const ended = once(loop, 'exit');
      loop.kill('SIGKILL');
      await ended;
    }),
  );
});

/** Asks Kratos' admin API on its socket. @returns the status; undefined while nobody listens. */
async function askKratos(socketPath: string, body: unknown): Promise<number | undefined> {
  return new Promise((resolve) => {
    const headers = { host: 'localhost', 'content-type': 'application/json' };
    const call = request({ socketPath, path: '/admin/identities', method: 'POST', headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    call.on('error', () => resolve(undefined));
    call.end(JSON.stringify(body));
  });
}

/** Makes an account as soon as Kratos is there, while the gateway is still being started. */
async function createPerson(socketPath: string): Promise<Person> {
  const person = newPerson();
  const identity = {
    schema_id: 'default',
    traits: { email: person.email, name: person.name },
    credentials: { password: { config: { password: person.password } } },
  };
  await waitUntil(async () => (await askKratos(socketPath, identity)) === 201, 'an account', startLimit);
  return person;
}

async function isReady(url: string): Promise<boolean> {
  return rawRequest(url, { path: '/health/ready' }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** What a person sees at the end of their login, and whom the session is of. */
async function outcomeOf(url: string, person: Person): Promise<string> {
  const agent = new UserAgent(url);
  const page = await logIn(agent, person);
  const session = await agent.fetch('/auth/session');
  const isTheirs = session.text.includes(person.email);
  const code = isTheirs ? 'their session' : page.html().querySelector('code')?.text;
  return `${page.status} ${new URL(page.url).pathname}: ${code}`;
}

test(
  `beside ${loops} busy loops, from the first 200 of /health/ready on, ${people} people log in on fresh data`,
  { timeout: 600_000 },
  async () => {
    const env = await launcherEnvironment();
    const url = `http://localhost:${env['PORT']}`;
    const socketPath = join(env['DATA_DIR'] ?? '', 'ory', 'kratos-admin.sock');
    const launcher = startLauncher(env);
    const printed = launcher.prints('Vestibule is ready', startLimit).then(() => isReady(url));
    // One after the other, and nobody who is there already waits for those who aren't yet.
    let latest: Promise<Person> = createPerson(socketPath);
    const line = [latest];
    while (line.length < people) {
      latest = latest.then(() => createPerson(socketPath));
      line.push(latest);
    }
    await waitUntil(() => isReady(url), 'the first 200', startLimit);
    const outcomes: string[] = [];
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let person = line.shift(); person !== undefined; person = line.shift()) {
          outcomes.push(await outcomeOf(url, await person));
        }
      }),
    );
    expect(outcomes).toHaveLength(people);
    expect(new Set(outcomes)).toEqual(new Set(['200 /: their session']));
    expect(await printed).toBe(true);
  },
);
