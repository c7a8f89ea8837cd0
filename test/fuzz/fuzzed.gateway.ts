import { z } from 'zod';
import { type Gateway, startGateway } from '../support/gateway.js';
import { startPreparedHydra } from '../support/prepared.hydra.js';
import { listRoutes } from '../support/route.list.js';
import { faultsOf, logFaults } from './answer.rules.js';
import { type FuzzWorld, makeFuzzWorld } from './fuzz.world.js';
import { toWire } from './case.wire.js';
import { memberSchema } from './right.values.js';
import { type FuzzCase, type FuzzRoute, protectedHost } from './route.cases.js';
import { type WireAnswer, sendBytes, toBytes } from './wire.client.js';

const operationSchema = z.looseObject({
  parameters: z
    .array(
      z.looseObject({
        name: z.string(),
        in: z.string(),
        required: z.boolean().optional(),
        schema: memberSchema,
      }),
    )
    .optional(),
  requestBody: z
    .looseObject({
      content: z.record(
        z.string(),
        z.looseObject({
          schema: z.looseObject({ properties: z.record(z.string(), memberSchema).default({}) }),
        }),
      ),
    })
    .optional(),
  responses: z.record(z.string(), z.unknown()),
});
const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) });

/** Fields of the pages' forms, and of Kratos' and Hydra's. */
const formFields = [
  'name',
  'slug',
  'role',
  'scope',
  'email',
  'domain',
  'joinPolicy',
  'version',
  'confirmation',
  'expires',
  'action',
  'return_to',
  'challenge',
  'consent_challenge',
  'logout_challenge',
  'grant_scope',
  'remember',
  'code',
  'token',
  'flow',
  'method',
  'identifier',
  'password',
  'csrf_token',
  'traits.email',
] as const;
const pageParameters = [
  'cursor',
  'search',
  'flow',
  'return_to',
  'login_challenge',
  'consent_challenge',
  'logout_challenge',
  'code',
  'state',
  'port',
  'id',
  'error',
] as const;

/** Milliseconds of this process' own processor time that one small request may cost, with its client. */
const processorTime = 1500;

/** Their answers have no end, or wait for events; src/features/revocation-stream/test/extended/revocations.spec.ts and src/features/signals/transmitter/signals.spec.ts ask for them. */
const waiting: ReadonlySet<string> = new Set(['/auth/revocations/stream', '/ssf/poll/{id}']);

/** A gateway that listens, and what has come out of it. */
export interface FuzzedGateway {
  readonly gateway: Gateway;
  readonly port: number;
  /** What the OpenAPI document has and that answers at once. */
  readonly operations: readonly FuzzRoute[];
  /** All other routes, pages and the proxy among them. */
  readonly others: readonly FuzzRoute[];
  /** Sends a case. @returns the answer, and all that is wrong with it. */
  send(route: FuzzRoute, sent: FuzzCase): Promise<{ answer: WireAnswer; faults: readonly string[] }>;
  /** Whom and what cases are about, from now on. */
  renewWorld(): Promise<FuzzWorld>;
  stop(): Promise<void>;
}

/** Starts a gateway without Kratos, with a Hydra that is no more than set up, behind a proxy that it trusts. */
export async function startFuzzedGateway(): Promise<FuzzedGateway> {
  const hydra = await startPreparedHydra();
  const gateway = await startGateway({
    TRUST_PROXY: '127.0.0.1',
    PROTECTED_HOSTS: `${protectedHost},*.apps.example.com?role=admin`,
    HYDRA_ADMIN_URL: hydra.url,
    HYDRA_PUBLIC_URL: hydra.url,
  });
  await gateway.app.listen(0, '127.0.0.1');
  const { port } = z.looseObject({ port: z.number() }).parse(gateway.app.getHttpServer().address());
  const document = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => toRoute(method.toUpperCase(), path, operation)),
  );
  const known = new Set(operations.map(({ method, path }) => `${method} ${path}`));
  const others = listRoutes(gateway.app.getHttpAdapter().getInstance())
    .map(({ method, pattern }) => ({ method, path: pattern.replaceAll(/:(\w+)/g, '{$1}') }))
    .filter(
      ({ method, path }) => method !== 'HEAD' && method !== 'OPTIONS' && !known.has(`${method} ${path}`),
    )
    .map(({ method, path }) => otherRoute(method, path));
  let world = await makeFuzzWorld(gateway);
  return {
    gateway,
    port,
    operations: operations.filter(({ path }) => !waiting.has(path)),
    others,
    send: async (route, sent) => {
      const linesBefore = gateway.log.length;
      const bytes = toBytes(toWire(sent, world));
      const first = await timed(() => sendBytes(port, bytes));
      const { answer } = first;
      // The process is shared with other files: a collection of its garbage is in the first time, and not in both.
      const again = first.spent > processorTime ? await timed(() => sendBytes(port, bytes)) : first;
      // What is answered otherwise the second time, such as a name that is taken by then, did other work.
      const spent = again.answer.status === answer.status ? again.spent : first.spent;
      const faults = [
        ...faultsOf(route, sent, answer, world),
        ...logFaults(gateway.log.slice(linesBefore), world),
        ...(spent > processorTime ? [`it took ${spent} ms of the processor`] : []),
      ];
      // What was changed may have been needed: the next case finds all of it again.
      if (sent.method !== 'GET' && sent.method !== 'HEAD' && answer.status >= 200 && answer.status < 400) {
        world = await makeFuzzWorld(gateway);
      }
      return { answer, faults };
    },
    renewWorld: async () => {
      world = await makeFuzzWorld(gateway);
      return world;
    },
    stop: async () => {
      await gateway.stop();
      await hydra.stop();
    },
  };
}

/** @returns the answer, and milliseconds of this process' processor time until it came. */
async function timed(send: () => Promise<WireAnswer>): Promise<{ answer: WireAnswer; spent: number }> {
  const before = process.cpuUsage();
  const answer = await send();
  const { user, system } = process.cpuUsage(before);
  return { answer, spent: (user + system) / 1000 };
}

function toRoute(method: string, path: string, operation: z.output<typeof operationSchema>): FuzzRoute {
  const [content] = Object.entries(operation.requestBody?.content ?? {});
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  return {
    method,
    path,
    query: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
    required: query.flatMap(({ name, required }) => (required === true ? [name] : [])),
    body:
      content === undefined
        ? undefined
        : {
            type: content[0] === 'application/json' ? 'json' : 'form',
            members: content[1].schema.properties,
          },
    mayBeUnavailable: '503' in operation.responses,
  };
}

function otherRoute(method: string, path: string): FuzzRoute {
  return {
    method,
    path,
    query: Object.fromEntries(pageParameters.map((name) => [name, {}])),
    body:
      method === 'GET'
        ? undefined
        : { type: 'form', members: Object.fromEntries(formFields.map((name) => [name, {}])) },
    mayBeUnavailable: true,
  };
}
