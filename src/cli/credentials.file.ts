import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Environment } from '../config/configuration.js';
import { writePrivateFile } from '../embedded/private.file.js';
import { CommandError } from './command.error.js';

const credentialsSchema = z.object({
  /** What further tokens are got with. */
  apiKey: z.string(),
  apiKeyId: z.uuid(),
  accessToken: z.string(),
  /** End of the access token, in milliseconds since the epoch. */
  expiresAt: z.number(),
});

/** Being logged in at one gateway. */
export type Credentials = z.output<typeof credentialsSchema>;

const fileSchema = z.record(z.string(), credentialsSchema);

/** Where a command line is logged in, by the gateway's origin: a file of the user's own that nobody else can read (0600). */
export class CredentialsFile {
  readonly #path: string;
  readonly #lastPath: string;

  /** `$XDG_CONFIG_HOME/vestibule/credentials.json`, by default in `~/.config`. */
  constructor(environment: Environment) {
    const given = environment['XDG_CONFIG_HOME'];
    const folder = given === undefined || given === '' ? join(homedir(), '.config') : given;
    this.#path = join(folder, 'vestibule', 'credentials.json');
    this.#lastPath = join(folder, 'vestibule', 'last-gateway');
  }

  /** Origin of the gateway that the latest login was at; undefined before the first one. */
  async lastGateway(): Promise<string | undefined> {
    const text = await readFile(this.#lastPath, 'utf8').catch(() => '');
    return text.trim() === '' ? undefined : text.trim();
  }

  /** Remembers where the latest login was, for commands without an address. */
  async keepLastGateway(gateway: string): Promise<void> {
    await writePrivateFile(this.#lastPath, `${gateway}\n`);
  }

  /** @throws {CommandError} when the file is there and can't be read. */
  async find(gateway: string): Promise<Credentials | undefined> {
    const all = await this.#read();
    return Object.hasOwn(all, gateway) ? all[gateway] : undefined;
  }

  /** @param credentials undefined: forget them. */
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
      if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') {
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
