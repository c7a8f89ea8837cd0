import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** Databases of one test's own in a PostgreSQL server; dropped at the end. */
export class TestDatabases {
  readonly #serverUrl: string;
  readonly #names: string[] = [];

  constructor(serverUrl: string) {
    this.#serverUrl = serverUrl;
  }

  /** Makes an empty database. @returns its URL. */
  async create(): Promise<string> {
    const name = `vestibule_test_${randomBytes(6).toString('hex')}`;
    await this.#run(`create database ${name}`);
    this.#names.push(name);
    const url = new URL(this.#serverUrl);
    url.pathname = `/${name}`;
    return url.href;
  }

  async drop(): Promise<void> {
    for (const name of this.#names.splice(0)) {
      await this.#run(`drop database if exists ${name} with (force)`);
    }
  }

  async #run(statement: string): Promise<void> {
    const client = new Client({ connectionString: this.#serverUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
