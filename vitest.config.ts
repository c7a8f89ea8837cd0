import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type TestProjectInlineConfiguration, defineConfig } from 'vitest/config';
import { FileSequencer } from './test/support/file.sequencer.js';
import type { DatabaseKind } from './test/support/test.database.js';
import lanes from './test/lanes.json' with { type: 'json' };

const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Which lane runs: `npm test` says so. Vitest alone takes any file. */
const name = process.env['VESTIBULE_TEST_LANE'] === 'essential' ? 'essential' : 'all';
const lane = lanes[name];
const databaseKinds: readonly DatabaseKind[] = name === 'all' ? ['sqlite', 'postgres'] : ['sqlite'];
/** A folder for files about a whole process: what its memory holds, what is loaded in it. The others share one, which loads everything once. */
const alone = 'alone';
/** A folder for files that measure how fast a gateway answers beside a fault: they run after the others, one at a time. */
const undisturbed = 'undisturbed';
const inFolder = (folder: string): string[] =>
  lane.include.map((pattern) => pattern.replace('/**/*.', `/**/${folder}/**/*.`));

export default defineConfig({
  test: {
    globalSetup: ['test/support/global.setup.ts', 'test/containers/engine.setup.ts'],
    sequence: { sequencer: FileSequencer },
    // Most of a file's time is waiting, for a browser, a database or a clock.
    maxWorkers: 2 * availableParallelism(),
    reporters: ['default', './test/support/attack.reporter.ts', './test/support/closing.reporter.ts'],
    projects: [
      project('sharing', {
        include: lane.include,
        exclude: [`**/${alone}/**`, `**/${undisturbed}/**`],
        isolate: false,
      }),
      project('alone', { include: inFolder(alone) }),
      project('undisturbed', {
        include: inFolder(undisturbed),
        maxWorkers: 1,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});

function project(name: string, own: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration {
  return {
    // What applications import, from its source instead of from a build.
    resolve: {
      alias: [
        { find: /^@vestibule-auth\/vestibule$/, replacement: source('src/index.ts') },
        { find: /^@vestibule-auth\/vestibule\/testing$/, replacement: source('src/testing.ts') },
        { find: /^@vestibule-auth\/verify\/testing$/, replacement: source('packages/verify/src/testing.ts') },
        {
          find: /^@vestibule-auth\/(verify|express|fastify|hono|nest)$/,
          replacement: source('packages/$1/src/index.ts'),
        },
      ],
    },
    test: {
      name,
      setupFiles: ['test/support/attack.setup.ts', 'test/support/needs.setup.ts'],
      // A limit for what hangs, not a measurement: a busy machine takes ten times as long.
      testTimeout: 120_000,
      hookTimeout: 240_000,
      // A test that asserts nothing proves nothing.
      // What is polled for comes, or the test ends at its limit: the default second is one of an idle machine.
      expect: { requireAssertions: true, poll: { timeout: 100_000 } },
      provide: { databaseKinds },
      ...own,
      exclude: ['**/node_modules/**', ...lane.exclude, ...(own?.exclude ?? [])],
    },
  };
}
