// A consumer of the REST API in TypeScript. `client/` is generated from the gateway's own document:
//   npx @hey-api/openapi-ts -i http://localhost:3000/docs/openapi.json -o src/client
import { client } from './client/client.gen.js';
import { apiKeysCreate, apiKeysList, apiKeysRevoke, me, type Problem } from './client/index.js';

const [, , baseUrl = 'http://localhost:3000', apiKey = ''] = process.argv;
client.setConfig({ baseUrl, headers: { 'x-api-key': apiKey } });

const { data: caller } = await me({ throwOnError: true });

// Create: the type says that the answer holds the key, which is shown this once.
const body = { scope: ['orgs:read'] };
const { data: first } = await apiKeysCreate({ body: { ...body, name: 'first' }, throwOnError: true });
await apiKeysCreate({ body: { ...body, name: 'second' }, throwOnError: true });

// List: page after page.
const listed: string[] = [];
let pages = 0;
let cursor: string | undefined;
do {
  const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
  const { data } = await apiKeysList({ query, throwOnError: true });
  listed.push(...data.items.map(({ name }) => name));
  cursor = data.nextCursor ?? undefined;
  pages += 1;
} while (cursor !== undefined);

// Errors: one shape, and a code to branch on.
const refused = await apiKeysCreate({ body: { ...body, name: '' } });
const anonymous = await me({ headers: { 'x-api-key': null } });
const revoked = await apiKeysRevoke({ path: { id: first.id } });
const gone = await apiKeysRevoke({ path: { id: first.id } });

function explain(problem: Problem | undefined): { status: number | undefined; code: string | undefined } {
  return { status: problem?.status, code: problem?.code };
}

process.stdout.write(
  JSON.stringify({
    me: { id: caller.id, name: caller.name },
    created: first.key.slice(0, 4),
    listed: listed.toSorted(),
    pages,
    refused: { ...explain(refused.error), fields: refused.error?.errors?.map(({ field }) => field) },
    anonymous: explain(anonymous.error),
    revoked: revoked.response?.status,
    gone: explain(gone.error),
  }),
);
