import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { codeOf } from '../platform/config/error-code.js';
import { parseJson } from '../platform/config/json.parser.js';
import { LaunchError } from './launch.error.js';
import { writePrivateFile } from './private-file.js';

const list = (pattern: RegExp) => z.array(z.string().regex(pattern)).min(1);
const hex32Bytes = /^[0-9a-f]{64}$/;

const secretsFile = z.strictObject({
  /** The gateway's `SECRETS`. */
  gateway: list(hex32Bytes),
  kratos: z.strictObject({
    default: list(hex32Bytes),
    cookie: list(hex32Bytes),
    /** Kratos requires exactly 32 characters here. */
    cipher: list(/^[\w-]{32}$/),
  }),
  hydra: z.strictObject({
    system: list(hex32Bytes),
    cookie: list(hex32Bytes),
    /** Part of every pairwise subject: it can't be rotated. */
    pairwiseSalt: z.string().regex(hex32Bytes),
  }),
});

/** The secrets of an embedded run. Lists are newest first: the first entry signs and encrypts, all verify and decrypt. */
export type EmbeddedSecrets = Readonly<z.output<typeof secretsFile>>;

/** Path of a data folder's secrets. */
export function secretsPath(dataDir: string): string {
  return join(dataDir, 'secrets', 'secrets.json');
}

/** Makes new random secrets. */
export function makeSecrets(): EmbeddedSecrets {
  return {
    gateway: [hexSecret()],
    kratos: {
      default: [hexSecret()],
      cookie: [hexSecret()],
      cipher: [randomBytes(24).toString('base64url')],
    },
    hydra: { system: [hexSecret()], cookie: [hexSecret()], pairwiseSalt: hexSecret() },
  };
}

/**
 * Reads a data folder's secrets, and creates them the first time. Existing ones are never replaced, because encrypted data in
 * the databases would be lost.
 * @throws {LaunchError} if the file is broken, unreadable, or missing although databases exist.
 */
export async function loadSecrets(dataDir: string): Promise<EmbeddedSecrets> {
  const path = secretsPath(dataDir);
  const advice = `Restore it from a backup, or, to begin anew and lose every account in it, delete the folder ${dataDir}`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      throw new LaunchError(`The secrets file ${path} can't be read (${codeOf(error)}).`, {
        cause: error,
      });
    }
    if (
      existsSync(join(dataDir, 'ory', 'kratos.sqlite')) ||
      existsSync(join(dataDir, 'ory', 'hydra.sqlite'))
    ) {
      throw new LaunchError(
        `The secrets file ${path} is missing, but databases made with it are there. ${advice}`,
      );
    }
    const secrets = makeSecrets();
    await writePrivateFile(path, `${JSON.stringify(secrets, undefined, 2)}\n`);
    return secrets;
  }
  const parsed = secretsFile.safeParse(parseJson(text));
  if (!parsed.success) {
    // Only the issues' paths: a message must never show a secret.
    const places = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole file'))];
    throw new LaunchError(`The secrets file ${path} is broken (${places.join(', ')}). ${advice}`);
  }
  return parsed.data;
}

function hexSecret(): string {
  return randomBytes(32).toString('hex');
}
