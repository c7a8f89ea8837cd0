import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Characters of a message that are printed: enough to tell what differs, not what a stack logged meanwhile. */
const longestMessage = 300;
/** Failures that are printed. */
const mostFailures = 50;

/**
 * Ends the run with plain lines that any log reader understands: the failures, however long the report before was, and the numbers. It
 * writes the number of failures into the file that `npm test` names: an exit code is lost when a library ends the process.
 */
export default class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const failures = [
      ...modules.flatMap(failuresIn),
      ...errors.map((error) => `failed outside of tests: ${firstLine(error)}`),
    ];
    const numbers = `${count('passed')} passed, ${failures.length} failed, ${count('skipped')} skipped`;
    process.stdout.write(`\n${[...failures.slice(0, mostFailures), numbers].join('\n')}\n`);
    const outcome = process.env['VESTIBULE_TEST_OUTCOME'];
    if (outcome !== undefined) {
      writeFileSync(outcome, String(failures.length));
    }
  }
}

/** A line for each failed test, or one for a file that couldn't be loaded or set up: it has no test that failed. */
function failuresIn(module: TestModule): readonly string[] {
  const failed = [...module.children.allTests()].filter((test) => test.result().state === 'failed');
  const lines = failed.map(
    (test) => `failed: ${module.relativeModuleId}: ${test.fullName}: ${firstLine(test.result().errors?.[0])}`,
  );
  const suites = [module, ...module.children.allSuites()];
  const [error] = suites.flatMap((suite) => suite.errors());
  return lines.length > 0 || module.state() !== 'failed'
    ? lines
    : [`failed: ${module.relativeModuleId}: ${firstLine(error)}`];
}

function firstLine(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  const [line = ''] = String(message).split('\n');
  return line.slice(0, longestMessage);
}
