import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';

/** The deployment's services, by their DI tokens: `services.get(AuditService)`. */
export type DeploymentServices = Pick<INestApplicationContext, 'get'>;

/** A key as `vestibule keys list` shows it. */
export interface ListedKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: 'next' | 'current' | 'retired';
  /** Milliseconds since the epoch; it has signed, or will sign, from then on. */
  readonly since: number;
}

/** Signing keys of a feature, which `vestibule keys` handles beside those of tokens. */
export interface FeatureKeys {
  list(): Promise<readonly ListedKey[]>;
  /** Has another key sign, once receivers can know it. */
  rotate(): Promise<void>;
  /** Has another key sign at once, and withdraws this one. @returns false if there is no such key. */
  revoke(kid: string): Promise<boolean>;
}

/** Opens a feature's keys with the deployment's services. */
export type OpenKeys = (services: DeploymentServices) => Promise<FeatureKeys>;

/** The command line `vestibule`, as features add to it. */
export interface CommandLine {
  /** `vestibule` itself. */
  readonly program: Command;
  /** `vestibule users`: the users of the deployment. */
  readonly users: Command;
  /** Adds keys to those that `vestibule keys` lists, rotates and revokes. */
  readonly addKeys: (open: OpenKeys) => void;
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
