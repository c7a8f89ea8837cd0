#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { loadConfiguration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { LaunchError } from '../embedded/launch.error.js';
import { explainStartError } from '../start.errors.js';
import { openBrowser } from './browser.opener.js';
import { deploymentEnvironment } from './cli.environment.js';
import { withServices } from './cli.context.js';
import { type CliSetting, NothingDoneError, createProgram } from './cli.program.js';
import { CommandError } from './command.error.js';
import { addDoctorCommand } from './doctor.program.js';
import { addInitialPasswordCommand } from './initial-password.program.js';
import { addUserCommands } from './user.program.js';
import { addUsersCommand } from './users.program.js';

/** Exit code of sysexits for a service that isn't there. */
const unavailable = 69;

if (existsSync('.env')) {
  process.loadEnvFile('.env');
}
const setting: CliSetting = {
  withServices: async (work) =>
    withServices(loadConfiguration(await deploymentEnvironment(process.env)), work),
  print: (line) => process.stdout.write(`${line}\n`),
};
const program = createProgram(setting);
addUsersCommand(program, setting);
addUserCommands(program, {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  tell: (line) => process.stderr.write(`${line}\n`),
  ask,
  openBrowser,
});
addDoctorCommand(program, {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  fail: () => {
    process.exitCode = 1;
  },
});
addInitialPasswordCommand(program, {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
});
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof NothingDoneError || error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else if (error instanceof Problem) {
    process.stderr.write(`${error.definition.title}. ${error.definition.remedy}\n`);
    process.exitCode = unavailable;
  } else if (error instanceof LaunchError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    const { message, code } = explainStartError(error);
    process.stderr.write(`${message}\n`);
    process.exitCode = code;
  }
}

/** Asks on standard error: standard output is for results. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
