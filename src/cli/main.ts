#!/usr/bin/env node
import { once } from 'node:events';
import 'reflect-metadata';
import { createInterface } from 'node:readline/promises';
import { loadEnvFile } from '../platform/config/env-file.js';
import { loadConfiguration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import { LaunchError } from '../launcher/launch.error.js';
import type { CommandLine, OpenKeys } from '../platform/features/command-line.js';
import { explainStartError } from '../platform/errors/start-errors.js';
import { addApplicationsCommand } from './applications.program.js';
import { addConnectionsCommand } from './connections.program.js';
import { openBrowser } from './browser-opener.js';
import { deploymentEnvironment } from './cli-environment.js';
import { type CliSetting, createProgram } from './cli.program.js';
import { CommandError } from '../platform/errors/command.error.js';
import { addDoctorCommand } from './doctor.program.js';
import { addInitialPasswordCommand } from './initial-password.program.js';
import { addStartCommand } from './start.program.js';
import { addUserCommands } from './user.program.js';
import { addUsersCommands } from './users.program.js';
import { addWorkloadsCommand } from './workloads.program.js';
import { ownFeatures } from '../app/features.js';

/** EX_UNAVAILABLE of sysexits.h: a service is unavailable. */
const unavailable = 69;

loadEnvFile((line) => process.stderr.write(`${line}\n`));
// A reader that has what it wants, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    throw error;
  }
});
const featureKeys: OpenKeys[] = [];
const setting = {
  environment: process.env,
  withServices: async (work: Parameters<CliSetting['withServices']>[0]) => {
    const { withServices } = await import('./cli-context.js');
    await withServices(loadConfiguration(await deploymentEnvironment(process.env), ownFeatures), work);
  },
  featureKeys,
  print: (line: string) => process.stdout.write(`${line}\n`),
  tell: (line: string) => process.stderr.write(`${line}\n`),
  ask,
  openBrowser,
  fail: () => {
    process.exitCode = 1;
  },
};
const program = createProgram(setting);
addStartCommand(program);
const users = program.command('users').description('the users of the deployment');
const line: CommandLine = {
  ...setting,
  program,
  users,
  addKeys: (open) => featureKeys.push(open),
  withServices: async (work) => setting.withServices(async ({ context }) => work(context)),
};
for (const { commands } of ownFeatures) {
  (await commands?.())?.(line);
}
addUsersCommands(users, setting);
addUserCommands(program, setting);
addApplicationsCommand(program, setting);
addConnectionsCommand(program, setting);
addWorkloadsCommand(program, setting);
addDoctorCommand(program, setting);
addInitialPasswordCommand(program, setting);
try {
  await program.parseAsync();
} catch (error) {
  const { message, code } = explain(error);
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}

function explain(error: unknown): { message: string; code: number } {
  if (error instanceof CommandError) {
    return { message: error.message, code: 1 };
  }
  if (error instanceof Problem) {
    return { message: `${error.definition.title}. ${error.definition.remedy}`, code: unavailable };
  }
  return error instanceof LaunchError
    ? { message: error.message, code: error.exitCode }
    : explainStartError(error);
}

/**
 * Asks the person for a line. The question goes to standard error, because standard output is for results.
 * @returns an empty text where the input ends before a line does.
 */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = once(lines, 'close').then(() => '');
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}
