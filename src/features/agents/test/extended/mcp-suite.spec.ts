import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import { landingOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import { programOf, services } from '../../../../../test/support/runtime.program.js';
import { registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const suite = services.resolve('@modelcontextprotocol/conformance/dist/index.js');
const checksSchema = z.array(
  z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }),
);
const notes = 'https://notes.example/mcp';

describe('the suite of the Model Context Protocol, for servers that issue tokens', () => {
  let stack: Stack;
  let person: Person;
  let results: string;

  beforeAll(async () => {
    results = mkdtempSync(join(tmpdir(), 'vestibule-mcp-'));
    stack = await startStack({
      env: {
        PROTECTED_RESOURCES: JSON.stringify([{ resource: notes, scopes: { read: 'Read your notes' } }]),
      },
    });
    person = newPerson();
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  });

  afterAll(async () => {
    await stack?.stop();
    rmSync(results, { recursive: true, force: true });
  });

  it('each scenario passes: the metadata, and a login by a code with what the protocol asks for', async () => {
    const [port = 0] = await findFreePorts(1);
    const { id } = await registerApplication(stack, {
      name: 'Suite',
      kind: 'native',
      redirectUris: [`http://127.0.0.1:${port}/callback`],
      scope: 'read',
    });
    const options = ['--url', stack.url, '--client-id', id, '--resource', notes, '--port', String(port)];
    // It doesn't start on Node 20.
    const child = spawn(programOf('bun'), [suite, 'authorization', ...options, '--output-dir', results], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
    const ended = once(child, 'exit');
    const asked = (): string | undefined => /^http\S+\/oauth2\/auth\?\S+$/m.exec(said)?.[0];
    await waitUntil(() => child.exitCode !== null || asked() !== undefined, 'the address to open');
    const browser = new UserAgent(stack.url);
    await logIn(browser, person);
    const consent = await browser.navigate(asked() ?? '/');
    await fetch(landingOf(await browser.submit(consent, {}, { name: 'decision', value: 'allow' })));
    const [code] = await ended;
    const scenarios = readdirSync(results);
    const checks = scenarios.flatMap((scenario) =>
      checksSchema
        .parse(JSON.parse(readFileSync(join(results, scenario, 'checks.json'), 'utf8')))
        .map(({ id: check, status, errorMessage }) => [
          scenario.replace(/-\d{4}-.*$/, ''),
          check,
          status,
          errorMessage,
        ]),
    );
    expect([code, checks.filter(([, , status]) => status === 'FAILURE' || status === 'WARNING')]).toEqual([
      0,
      [],
    ]);
    expect(checks.map(([scenario]) => scenario)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('authorization-server-metadata-endpoint'),
        expect.stringContaining('authorization-code-grant'),
      ]),
    );
  }, 120_000);
});
