import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliProcess, type Outcome, cliProgram, startCli } from './cli.process.js';
import { type ShellOutcome, shell } from './shell.js';
import type { UserAgent } from './user-agent.js';

/** A shell for the commands of a guide, in which `npx` starts this checkout's `vestibule`, for one gateway. */
export class GuideShell {
  readonly folder: string;
  readonly #url: string;

  private constructor(folder: string, url: string) {
    this.folder = folder;
    this.#url = url;
  }

  static async open(url: string): Promise<GuideShell> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-guide-'));
    const npx = join(folder, 'npx');
    await writeFile(npx, `#!/bin/sh\nshift\nexec '${process.execPath}' '${cliProgram}' "$@"\n`);
    await chmod(npx, 0o755);
    return new GuideShell(folder, url);
  }

  /** Starts the command itself. */
  start(...args: readonly string[]): CliProcess {
    return startCli(this.#env, ...args);
  }

  /** Logs the command line in as the user of a browser. @returns how the command ended. */
  async logIn(browser: UserAgent): Promise<Outcome> {
    const cli = this.start('login', '--no-browser');
    const question = await browser.navigate(await cli.address());
    const answer = await browser.submit(question, {}, { name: 'decision', value: 'allow' });
    await browser.request(answer.headers.get('location') ?? '');
    return cli.end();
  }

  /** Runs commands of a guide. @param more of the environment. */
  async run(commands: string, more: Readonly<Record<string, string>> = {}): Promise<ShellOutcome> {
    const PATH = `${this.folder}:${process.env['PATH']}`;
    return shell(commands.replaceAll('http://localhost:3000', this.#url), this.folder, {
      ...this.#env,
      PATH,
      ...more,
    });
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  get #env(): Readonly<Record<string, string>> {
    return { XDG_CONFIG_HOME: this.folder, HOME: this.folder, VESTIBULE_URL: this.#url };
  }
}
