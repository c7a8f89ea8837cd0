import pg from 'pg';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import { recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { OAuthApp, landingOf } from '../support/oauth.app.js';
import { newPerson, signUp } from '../support/person.js';
import { registerApplication } from '../support/registered.application.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TcpRelay } from '../support/tcp.relay.js';
import { UserAgent } from '../support/user-agent.js';

const timeout = { timeout: 120_000 };

describe('a PostgreSQL server', () => {
  let fresh: FreshDatabase;
  let relay: TcpRelay;
  let url: string;
  const connections: DatabaseConnection[] = [];

  beforeAll(async () => {
    fresh = await freshDatabase('postgres', inject('postgresUrl'));
    ({ relay, url } = await TcpRelay.start(fresh.url));
  });

  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await relay?.cut();
    await fresh?.drop();
  });

  function connect(target: string): DatabaseConnection {
    const connection = new DatabaseConnection(target);
    connections.push(connection);
    return connection;
  }

  const ask = async (connection: DatabaseConnection): Promise<unknown> =>
    sql`select 1`.execute(connection.query).then(
      () => 'answer',
      (error: unknown) => Reflect.get(Object(error), 'code'),
    );

  it(
    'that falls silent: each question ends, soon at once, and dead connections are not used again',
    timeout,
    async () => {
      const connection = connect(url);
      await Promise.all(Array.from({ length: 10 }, () => ask(connection)));
      relay.silence();
      const first = await timed(async () => Promise.all(Array.from({ length: 20 }, () => ask(connection))));
      expect(new Set(first.value)).toEqual(new Set(['database_unavailable']));
      // Those that had a connection wait for their answer (6 s), the others for a connection (2 s).
      expect(first.ms).toBeLessThan(8000);
      expect(connection.breaker?.state).toBe('open');
      // One of them may be the one that tries; the others don't wait.
      const refused = await Promise.all(Array.from({ length: 5 }, () => timed(async () => ask(connection))));
      expect(new Set(refused.map(({ value }) => value))).toEqual(new Set(['database_unavailable']));
      expect(refused.filter(({ ms }) => ms < 500).length).toBeGreaterThanOrEqual(4);
      relay.speak();
      const back = await timed(async () =>
        waitUntil(async () => (await ask(connection)) === 'answer', 'an answer', 10_000),
      );
      const answers = await Promise.all(Array.from({ length: 30 }, () => ask(connection)));
      expect(new Set(answers)).toEqual(new Set(['answer']));
      recordFault('F06', {
        what: 'silent',
        longestMs: first.ms,
        refusedMs: Math.min(...refused.map(({ ms }) => ms)),
        recoveredMs: back.ms,
      });
    },
  );

  it(
    'that has no connection to give (53300): 503 and not 500, and well again when there is one',
    timeout,
    async () => {
      const target = new URL(fresh.url);
      const database = target.pathname.slice(1);
      const role = `narrow_${database}`;
      const admin = new pg.Client({ connectionString: fresh.url });
      await admin.connect();
      try {
        await admin.query(`create role ${role} login superuser connection limit 2 password 'narrow'`);
        await admin.query(`alter role ${role} nosuperuser`);
        target.username = role;
        target.password = 'narrow';
        const holders = [0, 1].map(() => new pg.Client({ connectionString: target.href }));
        await Promise.all(holders.map((holder) => holder.connect()));
        const connection = connect(target.href);
        const answers = [];
        for (let asked = 0; asked < 6; asked += 1) {
          answers.push(await ask(connection));
        }
        expect(new Set(answers)).toEqual(new Set(['database_unavailable']));
        await Promise.all(holders.map((holder) => holder.end()));
        const back = await timed(async () =>
          waitUntil(async () => (await ask(connection)) === 'answer', 'a connection', 10_000),
        );
        recordFault('F06', { what: 'connections exhausted', recoveredMs: back.ms });
        await connection.close();
        connections.splice(connections.indexOf(connection), 1);
      } finally {
        await admin.query(`drop role if exists ${role}`);
        await admin.end();
      }
    },
  );

  it(
    'that ends a statement at its limit (57014) is no reason to ask nobody: anyone who asks too much asked alone',
    timeout,
    async () => {
      const connection = connect(fresh.url);
      for (let asked = 0; asked < 6; asked += 1) {
        const outcome = await connection.query
          .transaction()
          .execute(async (transaction) => {
            await sql`set local statement_timeout = 20`.execute(transaction);
            await sql`select pg_sleep(1)`.execute(transaction);
          })
          .catch((error: unknown) => Reflect.get(Object(error), 'code'));
        expect(outcome).toBe('database_unavailable');
      }
      expect(connection.breaker?.state).toBe('closed');
      expect(await ask(connection)).toBe('answer');
    },
  );
});

describe('the database of Hydra alone is away', () => {
  let stack: Stack;
  let database: OryDatabase;
  const back = 'https://wiki.example/back';

  beforeAll(async () => {
    stack = await startStack({ database: 'postgres', postgresUrl: inject('postgresUrl') });
    database = await OryDatabase.connect(stack, 'hydra');
  });

  afterEach(async () => {
    await database?.allow(true);
  });

  afterAll(async () => {
    await database?.disconnect();
    await stack?.stop();
  });

  it(
    'a client that Hydra can’t read is no unknown one: logins are to be tried again, and wrong secrets stay wrong [F06]',
    timeout,
    async () => {
      const registered = await registerApplication(stack, { name: 'Wiki', redirectUris: [back] });
      const app = new OAuthApp(stack.url, registered, back);
      const guess = new OAuthApp(stack.url, { ...registered, secret: 'vsc_guessed' }, back);
      const nobody = new OAuthApp(stack.url, { id: 'nobody', secret: '' }, back);
      const spa = OAuthApp.spa(stack.url);
      const [visitor, person] = [new UserAgent(stack.url), newPerson()];
      await signUp(visitor, person);
      const own = await visitor.followUntil('/auth/login', ({ pathname }) => pathname === '/auth/callback');
      const begin = async (client: OAuthApp) => visitor.navigate(client.authorize({ scope: 'openid' }).path);
      const exchange = async (client: OAuthApp) =>
        outcome(await client.exchange(new UserAgent(stack.url), 'ory_ac_made-up', 'v'.repeat(43)));

      await database.allow(false);
      expect(await exchange(guess)).toBe('401 invalid_client');
      expect(await exchange(nobody)).toBe('401 invalid_client');
      for (const client of [app, spa]) {
        expect(outcome(await begin(client))).toBe('503 provider_unavailable');
        expect(await exchange(client)).toBe('503 provider_unavailable');
      }
      // An answer that is replaced keeps no connection to Hydra: there are four.
      const many = await Promise.all(Array.from({ length: 12 }, async () => begin(app)));
      expect(new Set(many.map(outcome))).toEqual(new Set(['503 provider_unavailable']));
      expect(outcome(await visitor.navigate(own.href))).toBe('503 provider_unavailable');

      // In the instant in which Hydra can read it again, too.
      const seen = new Set<string>();
      for (let round = 0; round < 10; round += 1) {
        await database.allow(false);
        const asking = Array.from({ length: 6 }, async () => {
          for (;;) {
            const answer = await exchange(app);
            seen.add(answer);
            if (answer === '400 invalid_grant') {
              return;
            }
          }
        });
        await database.allow(true);
        await Promise.all(asking);
      }
      expect([...seen].toSorted()).toEqual(['400 invalid_grant', '503 provider_unavailable']);
      await waitUntil(async () => (await begin(spa)).url.startsWith(`${stack.url}/demo`), 'a login');
      expect(outcome(await begin(nobody))).toBe('400 invalid_client');
      expect(await exchange(app)).toBe('400 invalid_grant');
      expect(await exchange(guess)).toBe('401 invalid_client');
    },
  );

  it(
    'a token that Hydra can’t read hasn’t ended: nobody is told so, and it still works afterwards [F06]',
    timeout,
    async () => {
      const scope = 'openid offline_access';
      const registered = await registerApplication(stack, {
        name: 'Notes',
        redirectUris: [back],
        scope,
        firstParty: true,
      });
      const [app, spa] = [new OAuthApp(stack.url, registered, back), OAuthApp.spa(stack.url)];
      const visitor = new UserAgent(stack.url);
      await signUp(visitor, newPerson());
      const { access_token: accessToken } = await spa.login(visitor);
      const { refresh_token: token = '' } = await app.login(visitor, { scope, audience: undefined });
      const refresh = async () =>
        app.token(new UserAgent(stack.url), { grant_type: 'refresh_token', refresh_token: token });
      const logIn = async () => new UserAgent(stack.url).post('/auth/login', { accessToken });

      await database.allow(false);
      for (let round = 0; round < 3; round += 1) {
        expect(outcome(await logIn())).toBe('503 provider_unavailable');
        expect(outcome(await refresh())).toBe('503 provider_unavailable');
      }

      // In the instant in which Hydra can read it again, too.
      const seen = new Set<string>();
      for (let round = 0; round < 10; round += 1) {
        await database.allow(false);
        const asking = Array.from({ length: 4 }, async () => {
          for (;;) {
            const answer = await logIn();
            seen.add(outcome(answer));
            if (answer.status === 200) {
              return;
            }
          }
        });
        await database.allow(true);
        await Promise.all(asking);
      }
      seen.delete('503 provider_unavailable');
      expect([...seen]).toEqual(['200 undefined']);
      expect((await refresh()).status).toBe(200);
    },
  );

  it(
    'a program that asks about the user of such a token is told to ask again, and of a wrong token that it is one [F06]',
    timeout,
    async () => {
      const visitor = new UserAgent(stack.url);
      await signUp(visitor, newPerson());
      const { access_token: token } = await OAuthApp.spa(stack.url).login(visitor);
      const path = '/ory/hydra/userinfo';
      const asking = [
        async () => fetch(`${stack.url}${path}`, { headers: { authorization: `bearer ${token}` } }),
        async () =>
          fetch(`${stack.url}${path}`, {
            method: 'POST',
            body: new URLSearchParams({ access_token: token }),
          }),
        async () => fetch(`${stack.url}${path}?${new URLSearchParams({ access_token: token })}`),
      ];
      const wrong = async () =>
        fetch(`${stack.url}${path}`, { headers: { authorization: 'Bearer ory_at_x.y' } });
      const statuses = async () => Promise.all(asking.map(async (ask) => (await ask()).status));
      expect(await statuses()).toEqual([200, 200, 200]);
      expect((await wrong()).status).toBe(401);

      await database.allow(false);
      expect(await statuses()).toEqual([503, 503, 503]);
      // An answer that is replaced keeps no connection to Hydra: there are four.
      const many = await Promise.all(Array.from({ length: 12 }, async () => asking[0]?.()));
      expect(new Set(many.map((answer) => answer?.status))).toEqual(new Set([503]));
      expect(Number(many[0]?.headers.get('retry-after'))).toBeGreaterThan(0);

      expect(await seenAsItComesBack(database, async () => (await asking[0]?.())?.status)).toEqual([
        200, 503,
      ]);
      expect((await wrong()).status).toBe(401);
    },
  );
});

describe('the database of Kratos alone is away', () => {
  let stack: Stack;
  let database: OryDatabase;

  beforeAll(async () => {
    stack = await startStack({ database: 'postgres', postgresUrl: inject('postgresUrl') });
    database = await OryDatabase.connect(stack, 'kratos');
  });

  afterEach(async () => {
    await database?.allow(true);
  });

  afterAll(async () => {
    await database?.disconnect();
    await stack?.stop();
  });

  it(
    'a session that Kratos can’t read hasn’t ended: no login ends by it, and a logout is to be tried again [F06]',
    timeout,
    async () => {
      const registered = await registerApplication(stack, {
        name: 'Calendar',
        redirectUris: ['https://calendar.example/back'],
        postLogoutRedirectUris: ['https://calendar.example/bye'],
        scope: 'openid',
        firstParty: true,
      });
      const app = new OAuthApp(stack.url, registered, 'https://calendar.example/back');
      const visitor = new UserAgent(stack.url);
      await signUp(visitor, newPerson());
      const { id_token: idToken = '' } = await app.login(visitor, { scope: 'openid', audience: undefined });
      const question = await visitor.navigate(
        `/ory/hydra/oauth2/sessions/logout?${new URLSearchParams({ id_token_hint: idToken })}`,
      );
      const statuses = async () =>
        Promise.all(
          ['/auth/session', '/ory/kratos/sessions/whoami'].map(
            async (path) => (await visitor.fetch(path)).status,
          ),
        );
      const begin = async () =>
        visitor.navigate(app.authorize({ scope: 'openid', audience: undefined }).path);
      const logOut = async () => visitor.submit(question, {}, { name: 'decision', value: 'logout' });

      await database.allow(false);
      for (let round = 0; round < 3; round += 1) {
        expect(outcome(await begin())).toBe('503 provider_unavailable');
        expect(outcome(await logOut())).toBe('503 provider_unavailable');
      }
      await database.allow(true);
      await waitUntil(async () => landingOf(await begin()).searchParams.has('code'), 'a login');
      expect(await statuses()).toEqual([200, 200]);
      await logOut();
      expect(await statuses()).toEqual([401, 401]);
    },
  );

  it(
    'a program that asks about such a session is told to ask again, and of one that has ended that it has [F06]',
    timeout,
    async () => {
      const visitor = new UserAgent(stack.url);
      await signUp(visitor, newPerson());
      const ask = async (agent = visitor) => agent.fetch('/ory/kratos/sessions/whoami');
      expect((await ask()).status).toBe(200);
      await database.allow(false);
      const many = await Promise.all(Array.from({ length: 20 }, async () => ask()));
      expect(new Set(many.map(({ status }) => status))).toEqual(new Set([503]));
      expect(Number(many[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await seenAsItComesBack(database, async () => (await ask()).status)).toEqual([200, 503]);
    },
  );
});

/** What is answered in the instant in which Ory can read its database again, until it has its usual answer. */
async function seenAsItComesBack(
  database: OryDatabase,
  ask: () => Promise<number | undefined>,
): Promise<(number | undefined)[]> {
  const seen = new Set<number | undefined>();
  for (let round = 0; round < 10; round += 1) {
    await database.allow(false);
    const asking = Array.from({ length: 4 }, async () => {
      let status: number | undefined;
      while (status !== 200) {
        status = await ask();
        seen.add(status);
      }
    });
    await database.allow(true);
    await Promise.all(asking);
  }
  return [...seen].toSorted();
}

/** A database of Ory's that can be taken away. */
class OryDatabase {
  readonly #admin = new pg.Client({ connectionString: inject('postgresUrl') });
  readonly #name: string;

  private constructor(dsn = '') {
    this.#name = new URL(dsn).pathname.slice(1);
  }

  static async connect(stack: Stack, of: 'hydra' | 'kratos'): Promise<OryDatabase> {
    const database = new OryDatabase(stack.dsn?.[of]);
    await database.#admin.connect();
    return database;
  }

  /** Lets Ory have connections to it, or takes away those that it has. */
  async allow(isAllowed: boolean): Promise<void> {
    await this.#admin.query(`alter database "${this.#name}" allow_connections ${isAllowed}`);
    if (!isAllowed) {
      await this.#admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
        this.#name,
      ]);
    }
  }

  async disconnect(): Promise<void> {
    await this.#admin.end();
  }
}

function outcome({ status, text }: { readonly status: number; readonly text: string }): string {
  return `${status} ${/provider_unavailable|invalid_client|invalid_grant/.exec(text)?.[0]}`;
}
