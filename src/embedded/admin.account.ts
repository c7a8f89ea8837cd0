import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LaunchError, systemCodeOf } from './launch.error.js';
import { writePrivateFile } from './private.file.js';

const adminFile = z.strictObject({
  email: z.string(),
  /** Only until the first login. */
  password: z.string().optional(),
});

/** The first administrator of an embedded run. */
export interface AdminAccount {
  readonly email: string;
  /** Set until the account's first login, unless an operator chose a password for it. */
  readonly password?: string;
}

/**
 * The first administrator of a data folder, with a password as long as it has not been used: a start that was broken off, or a
 * screen that was cleared, locks no one out.
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

/** Forgets the password, because the account has logged in or an operator chose another one. */
export async function forgetPassword(dataDir: string, email: string): Promise<void> {
  const path = adminPath(dataDir);
  const known = await readAdmin(path);
  if (known?.email !== email || known.password !== undefined) {
    await writePrivateFile(path, `${JSON.stringify({ email })}\n`);
  }
}

/** The first administrator as a data folder knows it; undefined before the first start. @throws {LaunchError} for a broken file. */
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
    if (systemCodeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw new LaunchError(`${path} can't be read (${systemCodeOf(error)}).`, { cause: error });
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

/** 4 groups of 5 from letters and digits that can't be mistaken for each other: 98 bits. */
function makePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = () => Array.from({ length: 5 }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  return [group(), group(), group(), group()].join('-');
}
