import { createHash } from 'node:crypto';
import type { OnModuleDestroy } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Agent, type Response, fetch } from 'undici';
import { knownNativeUris } from '../../auth-strategy/redirect-uri.js';
import { isPublicHost, lookUpPublic } from '../../platform/air-gap/public-address.js';
import type { CommonConfiguration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import type { AgentSettings } from './agent.settings.js';
import {
  type ClientMetadata,
  ClientMetadataError,
  type ClientRules,
  type DocumentFault,
  readClientMetadata,
} from './client-metadata.js';

/** Milliseconds for a whole document. */
const timeout = 5000;
/** Largest document in bytes, as the draft recommends. */
const largest = 5120;
const longestUrl = 500;
const limits = { connections: 10, headersTimeout: timeout, bodyTimeout: timeout, maxHeaderSize: 8192 };
/** Milliseconds for which a document is kept, and for which one that couldn't be read isn't asked for again. */
const kept = { read: 300_000, refused: 30_000 } as const;

/**
 * Reads client ID metadata documents (draft-ietf-oauth-client-id-metadata-document): a `client_id` that is an https URL leads to a
 * document in which the client describes itself. Anyone can make the gateway read such an URL, so that it may lead only to public
 * addresses over TLS, and to the hosts that the operator names (`CLIENT_METADATA_HOSTS`). Addresses of names are judged when the
 * connection is made. A redirect isn't followed.
 */
export class ClientDocuments implements OnModuleDestroy {
  readonly #publicUrl: string;
  readonly #rules: ClientRules;
  readonly #airGapped: boolean;
  readonly #allowed: ReadonlySet<string>;
  readonly #outside: Agent;
  readonly #named: Agent;
  readonly #documents = new LRUCache<string, Promise<ClientMetadata>>({ max: 1000 });

  /** @param ca authorities that are trusted in place of the usual ones, PEM. */
  constructor(
    { PUBLIC_URL, AIR_GAPPED }: Pick<CommonConfiguration, 'PUBLIC_URL' | 'AIR_GAPPED'>,
    { CLIENT_METADATA_HOSTS, AGENT_REDIRECT_URIS }: Omit<AgentSettings, 'DYNAMIC_REGISTRATION'>,
    ca?: string,
  ) {
    const tls = { timeout, ...(ca === undefined ? {} : { ca }) };
    this.#outside = new Agent({ ...limits, connect: { ...tls, lookup: lookUpPublic } });
    this.#named = new Agent({ ...limits, connect: tls });
    this.#publicUrl = PUBLIC_URL;
    this.#rules = {
      publicUrl: PUBLIC_URL,
      nativeUris: [...knownNativeUris, ...AGENT_REDIRECT_URIS],
      mayAskForSecret: false,
    };
    this.#airGapped = AIR_GAPPED;
    this.#allowed = new Set(CLIENT_METADATA_HOSTS);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#outside.destroy(), this.#named.destroy()]);
  }

  /**
   * What a client states about itself. Requests for one document at the same time, and soon after, are answered by one reading.
   * @param clientId its `client_id`, a URL.
   * @throws {ClientMetadataError}
   */
  async read(clientId: string): Promise<ClientMetadata> {
    const key = createHash('sha256').update(clientId).digest('base64');
    const known = this.#documents.get(key);
    if (known !== undefined) {
      return known;
    }
    const reading = this.#read(clientId);
    this.#documents.set(key, reading, { ttl: kept.read });
    try {
      return await reading;
    } catch (error) {
      this.#documents.set(key, reading, { ttl: kept.refused });
      throw error;
    }
  }

  async #read(clientId: string): Promise<ClientMetadata> {
    const isNamed = this.#judge(clientId);
    const text = await this.#fetch(clientId, isNamed ? this.#named : this.#outside);
    const value = parseJson(text);
    if (typeof value !== 'object' || value === null || Reflect.get(value, 'client_id') !== clientId) {
      throw new ClientMetadataError('client_id is not the address of the document, letter by letter');
    }
    const metadata = readClientMetadata(value, this.#rules);
    const { host } = new URL(clientId);
    if (metadata.redirectUris.some((uri) => uri.startsWith('https:') && new URL(uri).host !== host)) {
      throw new ClientMetadataError(
        'a redirect URI has another host than the document',
        'invalid_redirect_uri',
      );
    }
    return metadata;
  }

  async #fetch(url: string, dispatcher: Agent): Promise<string> {
    try {
      const answer = await fetch(url, {
        headers: { accept: 'application/json' },
        redirect: 'manual',
        signal: AbortSignal.timeout(timeout),
        dispatcher,
      });
      const type = answer.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
      if (answer.status !== 200 || !/^application\/(?:[\w.+-]+\+)?json$/.test(type)) {
        await answer.body?.cancel();
        throw withFault(
          new ClientMetadataError('its address did not answer with a JSON document'),
          'bad_answer',
        );
      }
      return await wholeOf(answer);
    } catch (error) {
      if (error instanceof ClientMetadataError) {
        throw error;
      }
      // The cause isn't for the caller: it would report what is reachable from here.
      const failed = Object.assign(new ClientMetadataError('it could not be read'), { cause: error });
      throw withFault(failed, faultOf(error));
    }
  }

  /** @returns whether the operator names the host. @throws {ClientMetadataError} for an address that isn't asked. */
  #judge(clientId: string): boolean {
    const url = URL.canParse(clientId) ? new URL(clientId) : undefined;
    if (
      url?.protocol !== 'https:' ||
      url.href !== clientId ||
      clientId.length > longestUrl ||
      url.pathname === '/' ||
      url.username !== '' ||
      url.password !== '' ||
      clientId.includes('#') ||
      url.hostname.endsWith('.')
    ) {
      throw new ClientMetadataError(
        'a client_id that is a URL begins with https://, has a path, and has neither credentials nor a fragment',
      );
    }
    if (this.#allowed.has(url.host)) {
      return true;
    }
    if (this.#airGapped || !isPublicHost(url.hostname) || url.origin === this.#publicUrl) {
      const fault = this.#airGapped ? 'air_gap' : 'private_address';
      throw withFault(new ClientMetadataError('it could not be read'), fault);
    }
    return false;
  }
}

function withFault(error: ClientMetadataError, fault: DocumentFault): ClientMetadataError {
  return Object.assign(error, { fault });
}

/** What kept a request from its answer. */
function faultOf(error: unknown): DocumentFault {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    causes.push(cause);
  }
  const codes: unknown[] = causes.flatMap((cause) => [cause.name, Reflect.get(cause, 'code')]);
  if (codes.includes('PrivateAddressError')) {
    return 'private_address';
  }
  if (codes.includes('ENOTFOUND') || codes.includes('EAI_AGAIN')) {
    return 'unknown_host';
  }
  return codes.some((code) => /timeout/i.test(String(code))) ? 'timeout' : 'unreachable';
}

/** The whole text of an answer. @throws {ClientMetadataError} if it is too large. */
async function wholeOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of body ?? []) {
    length += bytes.byteLength;
    if (length > largest) {
      throw new ClientMetadataError('the document is too large');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
