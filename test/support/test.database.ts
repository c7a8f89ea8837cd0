import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import { migrate } from '../../src/platform/database/migration-runner.js';

/** Which databases a test runs on. */
export type DatabaseKind = 'sqlite' | 'postgres';

/** Of each server, a database of this worker with the schema in place: a copy takes a tenth of the time of the migrations. */
const templates = new Map<string, Promise<string>>();

/** Databases of one test's own in a PostgreSQL server; dropped at the end. */
export class TestDatabases {
  readonly #serverUrl: string;
  readonly #names: string[] = [];

  constructor(serverUrl: string) {
    this.#serverUrl = serverUrl;
  }

  /** Makes an empty database. @returns its URL. */
  async create(): Promise<string> {
    return this.#create();
  }

  /** Makes a database with the schema in place. @returns its URL. */
  async createMigrated(): Promise<string> {
    const made = templates.get(this.#serverUrl) ?? this.#makeTemplate();
    templates.set(this.#serverUrl, made);
    return this.#create(await made);
  }

  /** Makes a copy of a database that nobody is connected to. @returns its URL. */
  async copy(url: string): Promise<string> {
    return this.#create(new URL(url).pathname.slice(1));
  }

  /** Leaves the databases that were made to the server. */
  keep(): void {
    this.#names.length = 0;
  }

  /** Makes a database that is copied, and stays as long as its server. @returns its name. */
  async #makeTemplate(): Promise<string> {
    const name = newName();
    await this.#run(`create database ${name}`);
    const connection = new DatabaseConnection(this.#urlOf(name));
    await migrate(connection);
    await connection.close();
    return name;
  }

  async #create(template = 'template1'): Promise<string> {
    const name = newName();
    await this.#run(`create database ${name} template ${template}`);
    this.#names.push(name);
    return this.#urlOf(name);
  }

  #urlOf(name: string): string {
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

const newName = (): string => `vestibule_test_${randomBytes(6).toString('hex')}`;
