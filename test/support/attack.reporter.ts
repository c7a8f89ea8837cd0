import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { z } from 'zod';
import { caseLettersIn } from './attack.counter.js';

const sentSchema = z.record(z.string(), z.number());

/**
 * Adds up what the suite tried against the gateway, by section of docs/internals/cases.md, and what got through: a test of a case that
 * fails is a breach.
 */
export default class AttackReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const { securityCases } = await import('../cases/case.catalogue.js');
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const sent = requestsSent();
    for (const [section, cases] of Object.entries(securityCases)) {
      const letter = cases[0]?.id.slice(0, 1) ?? '';
      const own = tests.filter((test) => test.result().state !== 'skipped' && isOf(test, letter));
      const breaches = own.filter((test) => test.result().state === 'failed').length;
      if (own.length > 0) {
        const figures = `${own.length} tests, ${sent.get(letter) ?? 0} requests, ${breaches} breaches`;
        process.stdout.write(`attacks, ${section}: ${figures}\n`);
      }
    }
  }
}

const isOf = (test: TestCase, letter: string): boolean => caseLettersIn(test.fullName).has(letter);

function requestsSent(): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  const folder = process.env['VESTIBULE_ATTACK_FOLDER'];
  for (const name of folder === undefined ? [] : readdirSync(folder)) {
    const sent = sentSchema.parse(JSON.parse(readFileSync(join(folder ?? '', name), 'utf8')));
    for (const [letter, count] of Object.entries(sent)) {
      total.set(letter, (total.get(letter) ?? 0) + count);
    }
  }
  return total;
}
