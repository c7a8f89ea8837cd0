import fc from 'fast-check';
import { type Caller, callers } from './fuzz.world.js';
import { contentTypes, oddHeaders } from './hostile.headers.js';
import { hostileJson, hostileText, urlText, wellFormed } from './hostile.values.js';
import { type Member, parameterOf, rightValue } from './right.values.js';

/** One route, as its cases are made. */
export interface FuzzRoute {
  readonly method: string;
  /** With `{parameters}`, and a `*` for whatever may follow. */
  readonly path: string;
  /** Query parameters. */
  readonly query: Readonly<Record<string, Member>>;
  /** Names of those that must be there. */
  readonly required?: readonly string[];
  readonly body?:
    { readonly type: 'json' | 'form'; readonly members: Readonly<Record<string, Member>> } | undefined;
  /** Whether the document says that it may answer 503. */
  readonly mayBeUnavailable: boolean;
}

/** A request before it is known whom and what it is about: `~words~` stand for that. */
export interface FuzzCase {
  readonly caller: Caller;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  /** UTF-16; sent as UTF-8. */
  readonly body: string | undefined;
  readonly framing: 'length' | 'chunked' | 'trailers' | 'gzip' | 'latin1';
}

/** Members that say something else than the others do. */
const leftOut = new Set([
  'actor_token',
  'actor_token_type',
  'audience',
  'resource',
  'code',
  'code_verifier',
  'redirect_uri',
  'client_id',
]);

const asked = 'https://auth.example.test';
const host = ['Host', 'auth.example.test'] as const;
/** Some routes are on protected hosts only. */
const hostOf = ({ path }: FuzzRoute): readonly [string, string] =>
  path.startsWith('/.vestibule/') ? ['Host', protectedHost] : host;
/** A host in the `PROTECTED_HOSTS` of the gateway that is tried. */
export const protectedHost = 'app.example.com';

/** Who may do it: an administrator, or for streams of events a service. */
const callerOf = ({ path }: FuzzRoute): Caller => (path.startsWith('/ssf/') ? 'key' : 'administrator');

/** A case of the route in which everything is as the document asks for it. */
export function rightCase(route: FuzzRoute): FuzzCase {
  const body =
    route.body === undefined
      ? undefined
      : rendered(
          route.body.type,
          Object.entries(route.body.members).flatMap(([name, member]) =>
            leftOut.has(name) && !route.path.endsWith('/cross-app-targets')
              ? []
              : [[name, rightValue(name, member, route.path)] as const],
          ),
        );
  return {
    caller: callerOf(route),
    method: route.method,
    target: rightTarget(route),
    headers: [hostOf(route), ['Origin', asked], ...typeOf(route)],
    body,
    framing: 'length',
  };
}

function rightTarget({ path, query, required = [] }: FuzzRoute): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => parameterOf(path, name));
  const pairs = required.map(
    (name) => `${name}=${encodeURIComponent(String(JSON.parse(rightValue(name, query[name] ?? {}))))}`,
  );
  return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`;
}

/** Cases of the route, most of them wrong in one or a few ways. */
export function casesOf(route: FuzzRoute): fc.Arbitrary<FuzzCase> {
  return fc.record({
    caller: fc.oneof(
      { weight: 3, arbitrary: fc.constant(callerOf(route)) },
      { weight: 2, arbitrary: fc.constantFrom(...callers) },
    ),
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constant(route.method) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'),
      },
    ),
    target: targetOf(route),
    headers: headersOf(route),
    body: bodyOf(route),
    framing: fc.oneof(
      { weight: 8, arbitrary: fc.constant('length' as const) },
      { weight: 2, arbitrary: fc.constantFrom('chunked', 'trailers', 'gzip', 'latin1') },
    ),
  });
}

function targetOf({ path, query }: FuzzRoute): fc.Arbitrary<string> {
  const segments = path.split('/').map((segment) => {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name !== undefined) {
      const right = parameterOf(path, name);
      const others = fc.constantFrom(
        '~otherOrg~',
        '~stranger~',
        '~me~',
        '~mySession~',
        '~orgKey~',
        '~invite~',
      );
      return fc.oneof(
        { weight: 4, arbitrary: fc.constant(right) },
        { weight: 1, arbitrary: others },
        { weight: 1, arbitrary: urlText },
      );
    }
    return segment === '*'
      ? fc
          .array(
            fc.oneof(urlText, fc.constantFrom('self-service', 'login', 'flows', 'oauth2', 'auth', 'session')),
            { maxLength: 4 },
          )
          .map((parts) => parts.join('/'))
      : fc.constant(segment);
  });
  const names = Object.keys(query);
  const name = fc.oneof(
    { weight: names.length === 0 ? 0 : 8, arbitrary: fc.constantFrom(...names, '') },
    { weight: 1, arbitrary: urlText },
    {
      weight: 1,
      arbitrary: fc.constantFrom('limit', 'cursor', 'search', 'return_to', 'flow', 'access_token'),
    },
  );
  const pair = fc
    .tuple(name, fc.constantFrom('', '', '', '[]', '[x]', '[__proto__]'))
    .chain(([key, suffix]) =>
      queryValue(key, Object.hasOwn(query, key) ? query[key] : undefined).map(
        (value) => `${key}${suffix}=${value}`,
      ),
    );
  const asks = fc.oneof(
    { weight: names.length === 0 ? 3 : 1, arbitrary: fc.constant('') },
    {
      weight: 2,
      arbitrary: fc.array(pair, { minLength: 1, maxLength: 5 }).map((pairs) => `?${pairs.join('&')}`),
    },
  );
  return fc
    .tuple(fc.tuple(...segments), asks)
    .map(([parts, question]) =>
      (parts.join('/') + question).replaceAll(/[\0-\x20\x7F]/g, encodeURIComponent),
    );
}

function queryValue(name: string, member: Member | undefined): fc.Arbitrary<string> {
  const cursor = fc
    .oneof(
      hostileJson,
      fc.constant('{"by":"name","key":"\\uffff","id":"~user~"}'),
      fc.constant('{"by":"id","id":"~me~"}'),
      fc.constant('"~org~"'),
    )
    .map((json) => Buffer.from(json.slice(0, 900)).toString('base64url'));
  const right = fc.constant(encodeURIComponent(String(JSON.parse(rightValue(name, member ?? {})))));
  return fc.oneof(
    { weight: name === 'cursor' ? 4 : 0, arbitrary: cursor },
    { weight: 2, arbitrary: right.map((text) => text.replaceAll('%7E', '~')) },
    { weight: 2, arbitrary: urlText },
  );
}

function headersOf(route: FuzzRoute): fc.Arbitrary<(readonly [string, string])[]> {
  const wrongType = fc.constantFrom(...contentTypes).map((type) => [['Content-Type', type] as const]);
  return fc
    .tuple(
      fc.oneof(
        { weight: 40, arbitrary: fc.constant([hostOf(route)]) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            [['Host', 'evil.test'] as const],
            [['Host', protectedHost] as const],
            [host, host],
            [['Host', ''] as const],
          ),
        },
      ),
      fc.oneof({ weight: 6, arbitrary: fc.constant(typeOf(route)) }, { weight: 1, arbitrary: wrongType }),
      fc.array(fc.constantFrom(...oddHeaders), { maxLength: 3 }),
    )
    .map((parts) => parts.flat());
}

function bodyOf({ body }: FuzzRoute): fc.Arbitrary<string | undefined> {
  const anything = fc.option(fc.oneof(hostileJson, hostileText), { nil: undefined });
  if (body === undefined) {
    return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anything });
  }
  const value = (name: string, member: Member): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(rightValue(name, member)) },
      { weight: 1, arbitrary: hostileText.map((text) => JSON.stringify(text)) },
      { weight: 1, arbitrary: hostileJson },
    );
  const known = Object.entries(body.members).map(([name, member]) =>
    fc.oneof(
      { weight: 6, arbitrary: value(name, member).map((text) => [[name, text] as const]) },
      { weight: 1, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(value(name, member), value(name, member))
          .map((both) => both.map((text) => [name, text] as const)),
      },
    ),
  );
  const more = fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.tuple(hostileText, hostileJson).map((pair) => [pair]) },
  );
  return fc.oneof(
    { weight: 5, arbitrary: fc.tuple(...known, more).map((members) => rendered(body.type, members.flat())) },
    { weight: 1, arbitrary: anything },
  );
}

/** @param members names with values in JSON. */
function rendered(type: 'json' | 'form', members: readonly (readonly [string, string])[]): string {
  return type === 'json'
    ? `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
    : members
        .map(([name, value]) => [name, value.startsWith('"') ? String(JSON.parse(value)) : value])
        .map((pair) =>
          pair.map((text) => encodeURIComponent(wellFormed(text)).replaceAll('%7E', '~')).join('='),
        )
        .join('&');
}

function typeOf({ body }: FuzzRoute): readonly (readonly [string, string])[] {
  return body === undefined
    ? []
    : [['Content-Type', body.type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded']];
}
