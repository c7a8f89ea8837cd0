import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends the run with one plain line of numbers that any log reader understands, and writes the number of failures into the
 * file that `npm test` names: an exit code is lost when a library ends the process.
 */
export default class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string): number => states.filter((entry) => entry === state).length;
    // A file that couldn't be loaded, or whose set-up failed, has no test that failed.
    const hasFailedTest = (module: TestModule): boolean =>
      [...module.children.allTests()].some((test) => test.result().state === 'failed');
    const broken = modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module)).length;
    const failed = count('failed') + broken + errors.length;
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped\n`);
    const outcome = process.env['VESTIBULE_TEST_OUTCOME'];
    if (outcome !== undefined) {
      writeFileSync(outcome, String(failed));
    }
  }
}
