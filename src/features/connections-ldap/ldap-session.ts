import { Client, type Entry, EqualityFilter, type Filter, OrFilter, ResultCodeError } from 'ldapts';
import type { TLSSocket } from 'node:tls';
import { valuesOf } from './ldap-entry.js';
import { LdapProtocolError } from './ldap-socket.js';

/** Entries of one page of results. */
const pageSize = 200;

/**
 * Result codes by which directories refuse a name or a password (RFC 4511 appendix A): constraintViolation, noSuchObject,
 * invalidDNSyntax, inappropriateAuthentication, invalidCredentials, unwillingToPerform.
 */
const refusals: ReadonlySet<number> = new Set([19, 32, 34, 48, 49, 53]);

/** Milliseconds for which it is remembered what a server is able to do. Another one may have its address by then. */
const rememberedFor = 300_000;

/** What a server last said that it is able to do, for some minutes. */
export class KnownCapabilities {
  #oids: readonly string[] | undefined;
  /** By the monotonic clock. */
  #until = 0;

  /** OIDs of its vendor; undefined if the server must be asked. */
  get oids(): readonly string[] | undefined {
    return performance.now() < this.#until ? this.#oids : undefined;
  }

  /** Keeps an answer of the server. */
  remember(oids: readonly string[]): void {
    this.#oids = oids;
    this.#until = performance.now() + rememberedFor;
  }
}

/** A search in a directory. */
export interface LdapSearch {
  readonly base: string;
  readonly filter: Filter;
  readonly attributes: readonly string[];
  /** Attributes whose values are bytes. */
  readonly binary?: readonly string[];
  /** Entries after which the search ends. */
  readonly atMost: number;
}

/** One connection to a directory: operations in order, over a TLS connection that is already there. Referrals are never followed. */
export class LdapSession {
  readonly #client: Client;

  /**
   * @param timeout of an operation, in milliseconds; 0: none.
   * @param known what the server said in other sessions.
   */
  constructor(
    socket: TLSSocket,
    timeout: number,
    private readonly known = new KnownCapabilities(),
  ) {
    let given: TLSSocket | undefined = socket;
    this.#client = new Client({
      // Only its scheme matters: the connection exists.
      url: 'ldaps://directory.invalid',
      timeout,
      createSecureConnection: () => {
        const own = given;
        given = undefined;
        if (own === undefined) {
          // A client whose connection was lost would open another, without a bind.
          throw new LdapProtocolError('the connection to the directory was lost');
        }
        return own;
      },
    });
  }

  /** Logs in. @returns the directory's refusal of this name or password, if that is the answer. @throws any other failure. */
  async bind(dn: string, password: string): Promise<true | ResultCodeError> {
    if (dn === '' || password === '') {
      // RFC 4513 section 5.1.2: a directory takes this for an anonymous login, and reports a success.
      throw new LdapProtocolError('a bind needs a name and a password');
    }
    try {
      await this.#client.bind(dn, password);
      return true;
    } catch (error) {
      if (error instanceof ResultCodeError && refusals.has(error.code)) {
        return error;
      }
      throw error;
    }
  }

  /** Searches below a base, page by page. */
  async search({ base, filter, attributes, binary = [], atMost }: LdapSearch): Promise<Entry[]> {
    const found: Entry[] = [];
    const pages = this.#client.searchPaginated(base, {
      scope: 'sub',
      filter,
      attributes: [...attributes],
      explicitBufferAttributes: [...binary],
      paged: { pageSize: Math.min(pageSize, atMost) },
    });
    for await (const { searchEntries } of pages) {
      found.push(...searchEntries);
      if (found.length >= atMost) {
        break;
      }
    }
    return found.slice(0, atMost);
  }

  /**
   * What the server says that it is able to do, by OIDs of its vendor (`supportedCapabilities` of the root DSE, RFC 4512 section 5.1);
   * empty if it doesn't say. An answer is remembered, a refusal isn't.
   */
  async capabilities(): Promise<readonly string[]> {
    const known = this.known.oids;
    if (known !== undefined) {
      return known;
    }
    try {
      const attributes = ['supportedCapabilities'];
      const { searchEntries } = await this.#client.search('', { scope: 'base', attributes });
      const oids = searchEntries.flatMap((root) => valuesOf(root, 'supportedCapabilities'));
      this.known.remember(oids);
      return oids;
    } catch (error) {
      if (error instanceof ResultCodeError) {
        return [];
      }
      throw error;
    }
  }

  /** Ends the connection; never throws. */
  async close(): Promise<void> {
    try {
      await this.#client.unbind();
    } catch {
      // It is closed already.
    }
  }
}

/** A filter for any of these attributes to have one of these values. Values are encoded, never parsed: nothing in them is an operator. */
export function anyOf(attributes: readonly string[], values: readonly string[]): Filter {
  const filters = attributes.flatMap((attribute) =>
    values.map((value) => new EqualityFilter({ attribute, value })),
  );
  return new OrFilter({ filters });
}
