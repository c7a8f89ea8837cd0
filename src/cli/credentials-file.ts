import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../platform/config/error-code.js';
import type { Environment } from '../platform/config/configuration.js';
import { writePrivateFile } from '../launcher/private-file.js';
import { CommandError } from '../platform/errors/command.error.js';

const credentialsSchema = z.object({
  /** API key with which new tokens are requested. */
  apiKey: z.string(),
  apiKeyId: z.uuid(),
  accessToken: z.string(),
  /** When the access token expires, in milliseconds since the epoch. */
  expiresAt: z.number(),
});

/** Credentials of a login at one gateway. */
export type Credentials = z.output<typeof credentialsSchema>;

const fileSchema = z.record(z.string(), credentialsSchema);

/** The file of the command line's logins, by the gateway's origin. Only the user can read it (0600). */
export class CredentialsFile {
  readonly #path: string;
  readonly #lastPath: string;

  /** The path is `$XDG_CONFIG_HOME/vestibule/credentials.json`, by default in `~/.config`. */
  constructor(environment: Environment) {
    const folder = join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'vestibule');
    this.#path = join(folder, 'credentials.json');
    this.#lastPath = join(folder, 'last-gateway');
  }

  /** Origin of the gateway of the latest login; undefined before the first one. */
  async lastGateway(): Promise<string | undefined> {
    const text = await readFile(this.#lastPath, 'utf8').catch(() => '');
    return text.trim() || undefined;
  }

  /** Stores the gateway of the latest login, for commands without an address. */
  async keepLastGateway(gateway: string): Promise<void> {
    await writePrivateFile(this.#lastPath, `${gateway}\n`);
  }

  /** Reads the credentials for a gateway. @throws {CommandError} if the file exists and can't be read. */
  async find(gateway: string): Promise<Credentials | undefined> {
    const all = await this.#read();
    return Object.hasOwn(all, gateway) ? all[gateway] : undefined;
  }

  /** Stores the credentials for a gateway. @param credentials undefined removes them. */
  async keep(gateway: string, credentials: Credentials | undefined): Promise<void> {
    const { [gateway]: _, ...others } = await this.#read();
    const all = credentials === undefined ? others : { ...others, [gateway]: credentials };
    await writePrivateFile(this.#path, `${JSON.stringify(all, undefined, 2)}\n`);
  }

  async #read(): Promise<Record<string, Credentials>> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return {};
      }
      throw new CommandError(`${this.#path} cannot be read.`, { cause: error });
    }
    try {
      return fileSchema.parse(JSON.parse(text));
    } catch (error) {
      throw new CommandError(`${this.#path} is damaged. Remove it and log in again.`, { cause: error });
    }
  }
}
