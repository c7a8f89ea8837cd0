import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isInside } from '../config/air-gap.address.js';
import { dockerFolder } from './binary.store.js';
import type { ChildCommand } from './child.process.js';
import { LaunchError, exitCodes } from './launch.error.js';

/** One of Ory's programs as it is going to be started. */
export interface OryCommand {
  readonly name: 'kratos' | 'hydra';
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A file that it reads: settings, schemas, mappers, templates. */
export interface OryFile {
  /** From its program's folder. */
  readonly path: string;
  readonly text: string;
}

const passwordCheck = 'haveibeenpwned_enabled';
const passwordCheckVariable = 'SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED';
const socialProvidersVariable = 'SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS';
const optOut = { kratos: 'sqa-opt-out', hydra: 'opt_out' } as const;

/**
 * What would make Kratos or Hydra ask somebody outside, in the order of the program's files, arguments and variables. It
 * reads the settings as text and trusts nothing that it doesn't know: a value in any other form than the plain one, an
 * alias for instance, counts as a wrong one.
 * @param publicUrl the origin that addresses may have besides those in private ranges.
 * @returns one line for each setting, never with its value; an empty list when all is well.
 */
export function oryLeaks(command: OryCommand, files: readonly OryFile[], publicUrl: string): string[] {
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
      .filter(([variable, value]) => !staysInside(variable, value, publicUrl))
      .map(([variable]) => `${name}.env: ${variable} leads out of the private network`),
  ];
}

/**
 * Reads the files of both programs and refuses settings that would leave the private network.
 * @throws {LaunchError} with exit code 78, naming each setting.
 */
export async function assertOryStaysInside(
  commands: Readonly<Record<'kratos' | 'hydra', ChildCommand>>,
  publicUrl: string,
): Promise<void> {
  const leaks = await Promise.all(
    (['kratos', 'hydra'] as const).map(async (name) =>
      oryLeaks(
        { name, args: commands[name].args, env: commands[name].env },
        await readOryFiles(name),
        publicUrl,
      ),
    ),
  );
  const found = leaks.flat();
  if (found.length > 0) {
    throw new LaunchError(
      [
        "AIR_GAPPED doesn't allow these settings of Ory's (docs/air-gap.md):",
        ...found.map((leak) => `  ${leak}`),
      ].join('\n'),
      { exitCode: exitCodes.configuration },
    );
  }
}

/** Everything in a program's folder that it may read. */
export async function readOryFiles(name: 'kratos' | 'hydra'): Promise<OryFile[]> {
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

/** Whether a key is there, and has this value wherever it is. */
function isAlways(settings: string, key: string, value: string): boolean {
  const values = [
    ...withoutComments(settings).matchAll(new RegExp(`\\b${key}["']?\\s*:\\s*([^\\s,}#]*)`, 'g')),
  ];
  return values.length > 0 && values.every((match) => match[1] === value);
}

/** Addresses in a file. Settings have none: all of ours are in the environment, and documents are files beside them. */
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
  // `$schema` and `$id` are names and nothing that is fetched; links in a mail are for people, unlike pictures and styles.
  const loaded = path.endsWith('.gotmpl')
    ? /(?:\b(?:src|srcset|background)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?|<link\b[^>]*)(?:https?:)?\/\//i
    : /"\$ref"\s*:\s*"https?:|\bimport(?:str)?\s+["']https?:/i;
  return loaded.test(text) ? [`${path}: loads a remote document`] : [];
}

/**
 * Whether every address in a variable is of the product's own origin, or an IP address inside, or the machine itself. Those of
 * third-party logins are judged where they are configured; here only their mappers, which Kratos would fetch.
 */
function staysInside(variable: string, value: string, publicUrl: string): boolean {
  if (variable === socialProvidersVariable) {
    return !/"mapper_url"\s*:\s*"https?:/i.test(value);
  }
  return [...value.matchAll(/\bhttps?:\/\/[^\s"',\\]+/gi)].every(([text]) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
    return url?.origin === publicUrl || host === 'localhost' || isInside(host);
  });
}

function withoutComments(text: string): string {
  return text.replace(/^\s*#.*$/gm, '');
}
