import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../../../../launcher/port-finder.js';
import { logInIn } from '../../../../../../test/support/browser.person.js';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import { waitUntil } from '../../../../../../test/support/stack.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const [port = 0] = await findFreePorts(1);
const journey = useJourney({ env: { SIGNAL_PUSH_HOSTS: `localhost:${port}` } });
const receivers: ChildProcess[] = [];

afterAll(async () => {
  for (const receiver of receivers.filter(({ exitCode }) => exitCode === null)) {
    receiver.kill();
    await once(receiver, 'exit');
  }
});

const eventSchema = z.object({
  event: z.string(),
  sub_id: z.record(z.string(), z.unknown()),
  claims: z.record(z.string(), z.unknown()),
});

/** What the receiver writes when the specification was broken, or it was. */
const broken = /VIOLATION|FAILURE|Traceback/;

/** A receiver that knows only the specification, and ends when that is broken. */
interface Receiver {
  readonly lines: string[];
  /** What it heard of a session or key. */
  about(id: string): z.output<typeof eventSchema> | undefined;
  /** Ends its stream. @returns its exit code, and what it complained about. */
  stop(): Promise<[code: unknown, errors: string]>;
}

async function receive(...args: readonly string[]): Promise<Receiver> {
  const [mode = '', ...rest] = args;
  const program = spawn(
    '/usr/bin/python3',
    ['test/support/ssf_receiver.py', mode, journey.url, ...rest, '--wait', String((6 * timeout) / 1000)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  receivers.push(program);
  const lines: string[] = [];
  let errors = '';
  createInterface(program.stdout).on('line', (line) => lines.push(line));
  program.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  await waitUntil(
    async () => {
      expect([program.exitCode, errors]).toEqual([null, expect.not.stringMatching(broken)]);
      return lines.some((line) => line.startsWith('READY '));
    },
    `the receiver by ${mode} to be ready`,
    6 * timeout,
  );
  return {
    lines,
    about: (id) => {
      expect([program.exitCode, errors]).toEqual([null, expect.not.stringMatching(broken)]);
      const line = lines.find((candidate) => candidate.startsWith('{') && candidate.includes(id));
      return line === undefined ? undefined : eventSchema.parse(JSON.parse(line));
    },
    stop: async () => {
      const ended = once(program, 'exit');
      program.stdin.end();
      const [code] = await ended;
      return [code, errors];
    },
  };
}

const keySchema = z.looseObject({ id: z.uuid(), key: z.string() });

async function makeKey(page: Page, scope: string): Promise<z.output<typeof keySchema>> {
  const answer = await page.request.post(`${journey.url}/api/v1/api-keys`, {
    headers: { origin: journey.url },
    data: { name: scope, scope },
  });
  return keySchema.parse(await answer.json());
}

it(
  'an operator connects two systems that know only the specification, by poll and by push: they hear of a logout and of a revoked key',
  async () => {
    const page = await journey.browser();
    await logInIn(page, journey.url, journey.administrator);
    const { key: REVOCATIONS_KEY } = await makeKey(page, 'revocations:read');

    const commands = blockRunBy(
      'docs/verify.md',
      'src/features/signals/test/extended/journeys/shared-signals.spec.ts',
      'create and poll',
    );
    const polled = await journey.shell(commands.replaceAll('http://localhost:3000', journey.url), {
      REVOCATIONS_KEY,
    });
    expect(JSON.parse(polled.stdout)).toMatchObject({ sets: {}, moreAvailable: false });

    const all = [
      await receive('poll', '--token', REVOCATIONS_KEY),
      await receive('push', '--token', REVOCATIONS_KEY, '--listen', String(port)),
    ];

    const person = await journey.browser();
    await logInIn(person, journey.url, journey.administrator);
    const key = await makeKey(person, 'profile:read');
    const revoked = await person.request.delete(`${journey.url}/api/v1/api-keys/${key.id}`, {
      headers: { origin: journey.url },
    });
    expect(revoked.status()).toBe(204);
    const { user, session } = z
      .looseObject({ user: z.looseObject({ id: z.uuid() }), session: z.looseObject({ id: z.uuid() }) })
      .parse(await (await person.request.get(`${journey.url}/auth/session`)).json());
    await person.goto(`${journey.url}/`);
    await person.getByRole('navigation', { name: 'Site' }).getByRole('button', { name: 'Log out' }).click();
    await person.waitForURL((url) => !url.pathname.startsWith('/auth/logout'));

    const holder = { format: 'iss_sub', iss: journey.url, sub: user.id };
    for (const receiver of all) {
      await waitUntil(async () => receiver.about(session.id) !== undefined, 'the logout', 3 * timeout);
      await waitUntil(async () => receiver.about(key.id) !== undefined, 'the revoked key', 3 * timeout);
      expect(receiver.about(session.id)).toMatchObject({
        event: 'session-revoked',
        sub_id: { format: 'complex', user: holder, session: { format: 'opaque', id: session.id } },
      });
      expect(receiver.about(key.id)).toMatchObject({
        event: 'credential-change',
        claims: { credential_type: 'api-key', change_type: 'revoke' },
      });
    }
    for (const receiver of all) {
      expect(await receiver.stop()).toEqual([0, expect.not.stringMatching(broken)]);
      expect(receiver.lines.at(-1)).toBe('DONE');
    }
  },
  20 * timeout,
);
