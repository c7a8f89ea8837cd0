import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';

/** The deployment's services, by their DI tokens: `services.get(AuditService)`. */
export type DeploymentServices = Pick<INestApplicationContext, 'get'>;

/** The command line `vestibule`, as features add to it. */
export interface CommandLine {
  /** `vestibule` itself. */
  readonly program: Command;
  /** `vestibule users`: the users of the deployment. */
  readonly users: Command;
  /** Runs work with the deployment's services, whose code is loaded then: other commands start without it. */
  readonly withServices: (work: (services: DeploymentServices) => Promise<void>) => Promise<void>;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
  /** Prints a line that is meant for the person and isn't part of the result. */
  readonly tell: (line: string) => void;
  /** Makes the process end with code 1, although the command returns. */
  readonly fail: () => void;
}

/** Adds a feature's commands. It is called for each command line, and for its help: what only one command needs, that command loads. */
export type AddCommands = (line: CommandLine) => void;
