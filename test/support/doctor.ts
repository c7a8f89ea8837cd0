import 'reflect-metadata';
import { Command } from 'commander';
import { z } from 'zod';
import { addDoctorCommand } from '../../src/cli/doctor.program.js';

const reportSchema = z.strictObject({
  ok: z.boolean(),
  findings: z.array(
    z.strictObject({
      code: z.string(),
      severity: z.enum(['error', 'warning']),
      title: z.string(),
      detail: z.string(),
      fix: z.string(),
      fixable: z.boolean(),
    }),
  ),
});

/** How `vestibule doctor` ended. */
export interface Examination {
  readonly code: number;
  readonly out: string;
}

/** Runs the command in this process with this environment and nothing else. Checks get longer: machines of tests are busy. */
export async function runDoctor(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Examination> {
  let [code, out] = [0, ''];
  const program = new Command('vestibule').exitOverride();
  addDoctorCommand(program, {
    environment,
    print: (line) => {
      out += `${line}\n`;
    },
    fail: () => {
      code = 1;
    },
  });
  await program.parseAsync(['doctor', '--timeout', '15', ...args], { from: 'user' });
  return { code, out };
}

/** Codes of what it finds, in order of the alphabet. */
export async function findCodes(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { code, out } = await runDoctor(environment, '--json');
  const { ok, findings } = reportSchema.parse(JSON.parse(out));
  if (ok !== (code === 0) || ok === findings.some(({ severity }) => severity === 'error')) {
    throw new TypeError('the exit code, ok and the findings contradict each other');
  }
  return [...new Set(findings.map((finding) => finding.code))].sort();
}
