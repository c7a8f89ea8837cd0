import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../config/error-code.js';

/**
 * Breached passwords in a local folder with the files of Have I Been Pwned's range API, as its downloader writes them. A file is
 * named `<first five hex digits of the SHA-1>.txt`, or the same without an ending. It has a line `<the other 35>:<count>` for
 * each password. Each check reads one file.
 */
export class BreachedPasswords {
  constructor(private readonly folder: string) {}

  /** Whether a password is listed. @throws when the file exists and can't be read. */
  async includes(password: string): Promise<boolean> {
    const hash = createHash('sha1').update(password, 'utf8').digest('hex').toUpperCase();
    const prefix = hash.slice(0, 5);
    const text = (await read(join(this.folder, `${prefix}.txt`))) ?? (await read(join(this.folder, prefix)));
    const line = text?.split('\n').find((entry) => entry.slice(0, 35).toUpperCase() === hash.slice(5));
    // The API pads its answers with lines whose count is 0.
    return line !== undefined && line.slice(36).trim() !== '0';
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
