import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/support/global.setup.ts'],
    include: ['src/**/*.spec.{ts,tsx}', 'test/**/*.spec.{ts,tsx}'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // A test that asserts nothing proves nothing.
    expect: { requireAssertions: true },
    reporters: ['default', './test/support/closing.reporter.ts'],
  },
});
