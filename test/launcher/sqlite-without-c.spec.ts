import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dockerFolder } from '../../src/launcher/binary.store.js';
import { logIn } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';
import { launcherEnvironment, realBinaries, startLauncher } from './launcher.harness.js';

const folder = join(dockerFolder, 'sqlite');
const goEnvironment = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };

test(
  "Ory's SQLite without C keeps errors, transactions, times and old databases as they were (docker/sqlite)",
  { timeout: 600_000 },
  async () => {
    const { stdout } = await promisify(execFile)('go', ['test', '-v', '-vet=all', './...'], {
      cwd: folder,
      env: goEnvironment,
    });
    const tests = readFileSync(join(folder, 'sqlite3_test.go'), 'utf8').match(/^func Test\w+/gm) ?? [];
    expect(
      stdout
        .match(/^--- PASS: Test\w+/gm)
        ?.map((line) => line.replace('--- PASS: ', 'func '))
        .toSorted(),
    ).toEqual(tests.toSorted());
    expect(stdout).not.toMatch(/^\s*--- (?:FAIL|SKIP)/m);
  },
);

test.runIf(process.platform === 'linux')(
  'the programs are static: they need no library of the system',
  async () => {
    const programs = await realBinaries();
    expect(Object.values(programs).map((path) => needsLoader(readFileSync(path)))).toEqual([
      false,
      false,
      false,
    ]);
    expect(needsLoader(readFileSync(process.execPath))).toBe(true);
  },
);

test('a data folder that was written by SQLite in C is read: its user logs in, and a change is kept', async () => {
  const env = await launcherEnvironment();
  const dataDir = env['DATA_DIR'] ?? '';
  mkdirSync(join(dataDir, 'ory'), { recursive: true });
  mkdirSync(join(dataDir, 'secrets'));
  for (const [name, path] of [
    ['kratos.sqlite', 'ory/kratos.sqlite'],
    ['hydra.sqlite', 'ory/hydra.sqlite'],
    ['vestibule.db', 'vestibule.db'],
  ] as const) {
    writeFileSync(
      join(dataDir, path),
      gunzipSync(readFileSync(new URL(`data-written-by-c/${name}.gz`, import.meta.url))),
    );
  }
  writeFileSync(join(dataDir, 'secrets/secrets.json'), JSON.stringify(secretsOfOldData));
  const url = `http://localhost:${env['PORT']}`;
  for (const start of [1, 2]) {
    const launcher = startLauncher(env);
    await launcher.prints('Vestibule is ready', 120_000);
    const agent = new UserAgent(url);
    await logIn(agent, { email: 'ada@vestibule.example', password: 'an old house by the sea' });
    expect(await (await agent.fetch('/auth/session')).json(), `start ${start}`).toMatchObject({
      claims: { email: 'ada@vestibule.example', roles: ['admin'] },
    });
    launcher.process.kill('SIGTERM');
    expect(await launcher.exited).toMatchObject({ code: 0 });
  }
});

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
/** The secrets that data-written-by-c was made with. */
const secretsOfOldData = {
  gateway: [digest('gateway')],
  kratos: {
    default: [digest('default')],
    cookie: [digest('cookie')],
    cipher: [digest('cipher').slice(0, 32)],
  },
  hydra: { system: [digest('system')], cookie: [digest('cookie of hydra')], pairwiseSalt: digest('salt') },
};

/** Whether a 64-bit ELF program names a dynamic loader (PT_INTERP). */
function needsLoader(program: Buffer): boolean {
  const [table, size, count] = [
    Number(program.readBigUInt64LE(0x20)),
    program.readUInt16LE(0x36),
    program.readUInt16LE(0x38),
  ];
  return Array.from({ length: count }, (_, index) => program.readUInt32LE(table + index * size)).includes(3);
}
