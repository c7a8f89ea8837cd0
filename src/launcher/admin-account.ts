import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../platform/config/error-code.js';
import { LaunchError } from './launch.error.js';
import { writePrivateFile } from './private-file.js';

const adminFile = z.strictObject({
  email: z.string(),
  /** Removed after the first login. */
  password: z.string().optional(),
});

/** The first administrator of an embedded run. */
export interface AdminAccount {
  readonly email: string;
  /** Set until the account's first login, unless an operator chose a password for it. */
  readonly password?: string;
}

/**
 * The first administrator of a data folder, including the password until its first use. So an interrupted start or a cleared
 * screen locks no one out.
 */
export async function pendingAdmin(dataDir: string, email: string, chosen?: string): Promise<AdminAccount> {
  const path = adminPath(dataDir);
  const known = await readAdmin(path);
  if (known?.email === email && known.password === undefined) {
    return { email };
  }
  if (chosen !== undefined) {
    return { email };
  }
  const password = known?.email === email && known.password !== undefined ? known.password : makePassword();
  await writePrivateFile(path, `${JSON.stringify({ email, password })}\n`);
  return { email, password };
}

/** Deletes the password, because the account has logged in or an operator chose another one. */
export async function forgetPassword(dataDir: string, email: string): Promise<void> {
  const path = adminPath(dataDir);
  const known = await readAdmin(path);
  if (known?.email !== email || known.password !== undefined) {
    await writePrivateFile(path, `${JSON.stringify({ email })}\n`);
  }
}

/** Reads a data folder's first administrator; undefined before the first start. @throws {LaunchError} if the file is broken. */
export async function knownAdmin(dataDir: string): Promise<AdminAccount | undefined> {
  return readAdmin(adminPath(dataDir));
}

function adminPath(dataDir: string): string {
  return join(dataDir, 'secrets', 'admin.json');
}

async function readAdmin(path: string): Promise<AdminAccount | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw new LaunchError(`${path} can't be read (${codeOf(error)}).`, { cause: error });
  }
  try {
    const { email, password } = adminFile.parse(JSON.parse(text));
    return password === undefined ? { email } : { email, password };
  } catch {
    throw new LaunchError(
      `${path} is broken. Delete it: a first administrator is then made again unless there is one already.`,
    );
  }
}

/** Makes a password of 4 groups of 5 letters and digits that can't be mistaken for each other: 99 bits. */
function makePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = () => Array.from({ length: 5 }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  return [group(), group(), group(), group()].join('-');
}
