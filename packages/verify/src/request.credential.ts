/** A request of Node's `http`. */
interface NodeRequest {
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly 'x-api-key'?: string | readonly string[] | undefined;
    readonly dpop?: string | readonly string[] | undefined;
  };
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[];
  readonly method?: string | undefined;
  /** Path and query. */
  readonly url?: string | undefined;
  /** The same, where a router has changed `url`. */
  readonly originalUrl?: string | undefined;
}

/** A request of the Fetch API, or what has its headers. */
interface FetchRequest {
  readonly headers: Pick<Headers, 'get'>;
  readonly method?: string;
  /** The whole address. */
  readonly url?: string;
}

/** A request, as Node's `http` or the Fetch API has it. */
export type IncomingRequest = NodeRequest | FetchRequest;

/** The headers of a request that may hold its credential; undefined for one that it doesn't have. */
export interface CredentialHeaders {
  readonly authorization: string | readonly string[] | undefined;
  readonly apiKey: string | readonly string[] | undefined;
}

/** What a proof of a token's key is for, and the proof. */
export interface ProvenRequest {
  readonly proof: string | readonly string[] | undefined;
  readonly method: string | undefined;
  /** Path, and query if it has one. */
  readonly path: string;
}

const boundToken = /^dpop +(\S+) *$/i;
const scheme = 'bearer ';
/** The scheme as nearly every client writes it. */
const usualScheme = 'Bearer ';

/** Stands for credentials of another form. */
export const noToken = '.';

export function credentialHeadersOf(request: IncomingRequest): CredentialHeaders {
  if ('rawHeaders' in request) {
    return sentHeadersOf(request);
  }
  const valueOf = (name: string): string | undefined => request.headers.get(name) ?? undefined;
  return { authorization: valueOf('authorization'), apiKey: valueOf('x-api-key') };
}

/** The token of an `Authorization` header with the scheme `DPoP` (RFC 9449 section 7.1). */
export function boundTokenIn(authorization: CredentialHeaders['authorization']): string | undefined {
  return typeof authorization === 'string' ? boundToken.exec(authorization)?.[1] : undefined;
}

export function provenRequestOf(request: IncomingRequest): ProvenRequest {
  if ('rawHeaders' in request) {
    const { headers, method, url = '', originalUrl = url } = request;
    return { proof: headers.dpop, method, path: originalUrl };
  }
  const { headers, method, url = '' } = request;
  const { pathname = '' } = URL.canParse(url) ? new URL(url) : {};
  return { proof: headers.get('dpop') ?? undefined, method, path: pathname };
}

/** The token of an `Authorization` header: empty without one. */
export function bearerIn(authorization: CredentialHeaders['authorization']): string {
  if (!authorization?.length) {
    return '';
  }
  if (typeof authorization !== 'string') {
    return noToken;
  }
  const given = authorization.slice(0, scheme.length);
  const isBearer = given === usualScheme || given.toLowerCase() === scheme;
  return (isBearer && authorization.slice(scheme.length).trim()) || noToken;
}

/**
 * The same of a request in Node, as they were sent: its `headers` has only the first of two, and is made when it is first read, which costs
 * more than all that is done here. It counts if nothing was sent: then another middleware may have set it.
 */
function sentHeadersOf(request: NodeRequest): CredentialHeaders {
  const { rawHeaders } = request;
  let authorization: CredentialHeaders['authorization'];
  let apiKey: CredentialHeaders['apiKey'];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') {
      authorization = withNext(authorization, rawHeaders[index + 1]);
    } else if (name.length === 9 && name.toLowerCase() === 'x-api-key') {
      apiKey = withNext(apiKey, rawHeaders[index + 1]);
    }
  }
  return authorization === undefined && apiKey === undefined
    ? { authorization: request.headers.authorization, apiKey: request.headers['x-api-key'] }
    : { authorization, apiKey };
}

function withNext(values: CredentialHeaders['apiKey'], next = ''): string | readonly string[] {
  return values === undefined ? next : [values, next].flat();
}
