import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isInside } from '../platform/air-gap/air-gap-address.js';
import type { OryName } from './binary-pins.js';
import { dockerFolder } from './binary.store.js';
import type { ChildCommand } from './child-process.js';
import { LaunchError, exitCodes } from './launch.error.js';
import type { OryCommands } from './ory-programs.js';

/** One of Ory's programs as it will be started. */
export interface OryCommand extends Pick<ChildCommand, 'args' | 'env'> {
  readonly name: OryName;
}

/** A file that one of Ory's programs reads: settings, a schema, a mapper or a template. */
export interface OryFile {
  /** Path relative to the program's folder. */
  readonly path: string;
  readonly text: string;
}

const passwordCheck = 'haveibeenpwned_enabled';
const passwordCheckVariable = 'SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED';
const socialProvidersVariable = 'SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS';
const optOut = { kratos: 'sqa-opt-out', hydra: 'opt_out' } as const;

/**
 * Finds settings with which Kratos or Hydra would connect to hosts outside the private network. The settings are read as text,
 * and only plain values are recognized. A value in any other form, such as a YAML alias, counts as wrong.
 * @param own origins that are allowed besides addresses in private ranges.
 * @returns one line per setting, never with its value; an empty list if there are no problems.
 */
export function oryLeaks(command: OryCommand, files: readonly OryFile[], own: readonly string[]): string[] {
  const { name, args, env } = command;
  const settings = files.find(({ path }) => path === `${name}.yml`)?.text ?? '';
  return [
    ...(isAlways(settings, optOut[name], 'true') ? [] : [`${name}.yml: ${optOut[name]} must be true`]),
    ...(args.includes('--sqa-opt-out') ? [] : [`${name}: must be started with --sqa-opt-out`]),
    ...(env['SQA_OPT_OUT'] === 'true' ? [] : [`${name}.env: SQA_OPT_OUT must be true`]),
    ...(name === 'kratos' && !isAlways(settings, passwordCheck, 'false')
      ? [`kratos.yml: ${passwordCheck} must be false`]
      : []),
    ...((env[passwordCheckVariable] ?? 'false') === 'false'
      ? []
      : [`${name}.env: ${passwordCheckVariable} must be false`]),
    ...files.flatMap(remoteParts),
    ...Object.entries(env)
      .filter(([variable, value]) => !staysInside(variable, value, own))
      .map(([variable]) => `${name}.env: ${variable} leads out of the private network`),
  ];
}

/**
 * Reads the files of both programs and refuses settings that would leave the private network.
 * @throws {LaunchError} with exit code 78, naming each setting.
 */
export async function assertOryStaysInside(commands: OryCommands, own: readonly string[]): Promise<void> {
  const leaks = await Promise.all(
    (['kratos', 'hydra'] as const).map(async (name) =>
      oryLeaks({ ...commands[name], name }, await readOryFiles(name), own),
    ),
  );
  const found = leaks.flat();
  if (found.length > 0) {
    throw new LaunchError(
      [
        "AIR_GAPPED doesn't allow these settings of Ory's (docs/production.md):",
        ...found.map((leak) => `  ${leak}`),
      ].join('\n'),
      { exitCode: exitCodes.configuration },
    );
  }
}

/** Reads all files in a program's folder that the program may use. */
export async function readOryFiles(name: OryName): Promise<OryFile[]> {
  const folder = join(dockerFolder, name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|json|jsonnet|gotmpl)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    paths.map(async (path) => ({ path: path.slice(folder.length + 1), text: await readFile(path, 'utf8') })),
  );
}

/** Whether a key occurs in the settings, and has this value at each occurrence. */
function isAlways(settings: string, key: string, value: string): boolean {
  const values = [
    ...withoutComments(settings).matchAll(new RegExp(`\\b${key}["']?\\s*:\\s*([^\\s,}#]*)`, 'g')),
  ];
  return values.length > 0 && values.every((match) => match[1] === value);
}

/** Remote addresses in a file. Settings need none: our addresses are in the environment, and documents are local files. */
function remoteParts({ path, text }: OryFile): string[] {
  if (/\.ya?ml$/.test(path)) {
    return withoutComments(text)
      .split('\n')
      .filter((line) => /\b(?:https?|wss?):\/\//i.test(line) || /^tracing\b/.test(line))
      .map(
        (line) =>
          `${path}: ${/^[\s-]*["']?([\w.-]+)["']?\s*:/.exec(line)?.[1] ?? 'an entry'} names a remote address`,
      );
  }
  // `$schema` and `$id` are only names. In a mail, links are allowed, but images and styles would be loaded.
  const loaded = path.endsWith('.gotmpl')
    ? /(?:\b(?:src|srcset|background)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?|<link\b[^>]*)(?:https?:)?\/\//i
    : /"\$ref"\s*:\s*"https?:|\bimport(?:str)?\s+["']https?:/i;
  return loaded.test(text) ? [`${path}: loads a remote document`] : [];
}

/**
 * Whether every URL in a variable has an origin of the product's own, a private IP address, or localhost. The hosts of third-party
 * logins are checked with the configuration. Here only their mappers are, which Kratos would fetch.
 */
function staysInside(variable: string, value: string, own: readonly string[]): boolean {
  if (variable === socialProvidersVariable) {
    return !/"mapper_url"\s*:\s*"https?:/i.test(value);
  }
  return [...value.matchAll(/\bhttps?:\/\/[^\s"',\\]+/gi)].every(([text]) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
    return own.includes(url?.origin ?? '') || host === 'localhost' || isInside(host);
  });
}

function withoutComments(text: string): string {
  return text.replace(/^\s*#.*$/gm, '');
}
