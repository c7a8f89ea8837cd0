import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { missingPrograms, programs } from '../../scripts/test.programs.mjs';
import { needsOf } from '../../scripts/test.needs.mjs';
import { checkout } from '../journeys/started.vestibule.js';

const limitMs = 300_000;

/** A machine without what Debian keeps in /usr/sbin: nginx, PgBouncer, HAProxy, OpenLDAP. */
function onBareMachine(...words: readonly string[]): { status: number | null; said: string } {
  const hide = 'mount -t tmpfs none /usr/sbin && exec "$@"';
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-c', hide, 'sh', process.execPath, ...words],
    { cwd: checkout, env: { ...process.env, NO_COLOR: '1' }, encoding: 'utf8', timeout: limitMs },
  );
  return { status, said: stdout + stderr };
}

it(
  '`npm test` of a spec beside its source needs only Node',
  () => {
    const { status, said } = onBareMachine(
      'scripts/test.mjs',
      'src/platform/config/rate-limit.parser.spec.ts',
    );
    expect([status, said]).toEqual([0, expect.not.stringMatching(/installing|building/)]);
  },
  limitMs,
);

it(
  'a file whose programs are missing fails, and names all of them',
  () => {
    const { status, said } = onBareMachine(
      'node_modules/vitest/vitest.mjs',
      'run',
      'test/journeys/pooled-database.spec.ts',
    );
    expect([status, said]).toEqual([
      1,
      expect.stringContaining('PgBouncer: install pgbouncer, or set PGBOUNCER'),
    ]);
    const [first, second] = programs;
    const both = missingPrograms([first, second].filter((program) => program !== undefined));
    expect(both.match(/: install /g)).toHaveLength(2);
  },
  limitMs,
);

it('each program is needed by a file, and each file’s needs that are programs are known', () => {
  const files = ['test', 'src'].flatMap((folder) =>
    readdirSync(`${checkout}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.spec.ts') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`),
  );
  const needs = new Set(files.flatMap((name) => [...needsOf(name)]));
  const known = programs.flatMap((program) => program.needs);
  expect(known.filter((need) => !needs.has(need))).toEqual([]);
  expect([...needs].filter((need) => need.endsWith('Path') && !known.includes(need))).toEqual([]);
});
