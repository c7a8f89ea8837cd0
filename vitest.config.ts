import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: ['test/support/attack.setup.ts'],
    globalSetup: ['test/support/global.setup.ts'],
    include: ['src/**/*.spec.{ts,tsx}', 'test/**/*.spec.{ts,tsx}'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // A test that asserts nothing proves nothing.
    expect: { requireAssertions: true },
    reporters: ['default', './test/support/attack.reporter.ts', './test/support/closing.reporter.ts'],
  },
});
