import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type TestProjectInlineConfiguration, defineConfig } from 'vitest/config';
import { FileSequencer } from './test/support/file.sequencer.js';

const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Files about a whole process: what its memory holds, what is loaded in it. The others share one, so that it loads everything once. */
const ofProcess = [
  'src/platform/crypto/recent.digests.spec.ts',
  'src/platform/hot-path/keep-tick-map.spec.ts',
  'src/session/tokens/verified-token.memory.spec.ts',
  'test/contract/tracing-off.spec.ts',
];
/** Files that measure how fast a gateway answers beside a fault: they run after the others, one at a time. */
const measuring = ['login-flood', 'overload', 'slow-ory'].map((name) => `test/faults/${name}.spec.ts`);

export default defineConfig({
  test: {
    globalSetup: ['test/support/global.setup.ts', 'test/containers/engine.setup.ts'],
    sequence: { sequencer: FileSequencer },
    // Most of a file's time is waiting, for a browser, a database or a clock.
    maxWorkers: 2 * availableParallelism(),
    reporters: ['default', './test/support/attack.reporter.ts', './test/support/closing.reporter.ts'],
    projects: [
      project('sharing', {
        include: ['{src,test,packages}/**/*.spec.{ts,tsx}'],
        exclude: ['**/node_modules/**', ...ofProcess, ...measuring],
        isolate: false,
      }),
      project('own process', { include: ofProcess }),
      project('measuring', { include: measuring, maxWorkers: 1, sequence: { groupOrder: 1 } }),
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
      setupFiles: ['test/support/attack.setup.ts'],
      // A limit for what hangs, not a measurement: a busy machine takes ten times as long.
      testTimeout: 120_000,
      hookTimeout: 240_000,
      // A test that asserts nothing proves nothing.
      expect: { requireAssertions: true },
      ...own,
    },
  };
}
