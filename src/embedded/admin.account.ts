import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LaunchError, systemCodeOf } from './launch.error.js';
import { writePrivateFile } from './private.file.js';

const adminFile = z.strictObject({
  email: z.string(),
  /** Only until the gateway has made the account. */
  password: z.string().optional(),
});

/** The first administrator of an embedded run. */
export interface AdminAccount {
  readonly email: string;
  /** Set when the account has still to be made and nobody chose a password for it. */
  readonly password?: string;
}

/**
 * Says whether the first administrator has still to be made. A password is kept until that is done, so that a start which
 * was broken off between making the account and showing the password doesn't lock the administrator out.
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

/** Notes that the account is made, and forgets its password. To be called once the gateway is ready. */
export async function noteAdmin(dataDir: string, email: string): Promise<void> {
  const path = adminPath(dataDir);
  const known = await readAdmin(path);
  if (known?.email !== email || known.password !== undefined) {
    await writePrivateFile(path, `${JSON.stringify({ email })}\n`);
  }
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
