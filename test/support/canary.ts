import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Stack } from './stack.js';
import { type Page, UserAgent, type Visit } from './user-agent.js';

const secretParameter =
  /^(?:code|state|nonce|flow|code_challenge|login_challenge|consent_challenge|logout_challenge|login_verifier|consent_verifier|id_token_hint)$/;

/** Secrets by what they are, and every address that a browser was sent to. */
export class Canary {
  /** Value → what it is. Those of addresses are called `parameter …`: OAuth has them there, and they are short-lived. */
  readonly secrets = new Map<string, string>();
  readonly addresses: string[] = [];

  /** Remembers a secret; what is too short to be one is left out. */
  note(what: string, value: string | undefined): void {
    if (value !== undefined && value.length >= 8) {
      this.secrets.set(value, what);
    }
  }

  /** Secrets that are good for longer than one step of a flow. */
  get lasting(): readonly (readonly [string, string])[] {
    return [...this.secrets].filter(([, what]) => !what.startsWith('parameter '));
  }

  /**
   * Looks for secrets as they are, percent-encoded, in base64 and in hex.
   * @param secrets default all.
   * @returns what was found, without its value.
   */
  found(text: string, secrets: Iterable<readonly [string, string]> = this.secrets): string[] {
    return [...secrets]
      .filter(([value]) =>
        [
          value,
          encodeURIComponent(value),
          Buffer.from(value).toString('base64').replace(/=+$/, ''),
          Buffer.from(value).toString('hex'),
        ].some((form) => text.includes(form)),
      )
      .map(([, what]) => what);
  }
}

/** A browser that notes every cookie, and every secret in an address. */
export class NotingAgent extends UserAgent {
  readonly #canary: Canary;

  constructor(origin: string, canary: Canary) {
    super(origin);
    this.#canary = canary;
  }

  override async request(target: string, visit: Visit = {}): Promise<Page> {
    const page = await super.request(target, visit);
    for (const header of page.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
      this.#canary.note(`cookie ${name}`, value);
    }
    const location = page.headers.get('location') ?? '';
    this.#canary.addresses.push(location);
    for (const address of [page.url, location]) {
      for (const [name, value] of new URL(address, page.url).searchParams) {
        if (secretParameter.test(name)) {
          this.#canary.note(`parameter ${name}`, value);
        }
      }
    }
    return page;
  }
}

/** Everything in a stack's databases as text, by whose it is: rows of PostgreSQL, or whole files of SQLite. */
export async function dumpDatabases(stack: Stack): Promise<ReadonlyMap<string, string>> {
  const { DATABASE_URL, DATA_DIR = '' } = stack.env;
  if (DATABASE_URL?.startsWith('postgres') === true) {
    const urls = { vestibule: DATABASE_URL, ...stack.dsn };
    const dumps = Object.entries(urls).map(async ([name, url]) => [name, await dumpPostgres(url)] as const);
    return new Map(await Promise.all(dumps));
  }
  const folders = [DATA_DIR, stack.oryDataDir].map(async (folder) =>
    (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
  );
  const files = (await Promise.all(folders)).flat().filter((name) => /\.(?:db|sqlite)(?:-wal)?$/.test(name));
  return new Map(
    await Promise.all(files.map(async (name) => [name, await readFile(name, 'latin1')] as const)),
  );
}

async function dumpPostgres(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select format('%I.%I', table_schema, table_name) as name from information_schema.tables " +
        "where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const table = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(name, ...table.rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}
