import { z } from 'zod';
import { isId } from '../platform/core/id.schema.js';
import { faultOf } from './application.settings.js';
import { CommandError } from '../platform/errors/command.error.js';
import { type ApiCall, RefusalError } from './gateway.client.js';
import type { GatewayLogin } from './user.program.js';

const orgsSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), slug: z.string() })),
  nextCursor: z.string().nullable(),
});

/** The applications of a deployment, or of one of its organisations, at the gateway's API. */
export class GatewayApplications {
  private constructor(
    private readonly gateway: GatewayLogin,
    private readonly path: string,
    private readonly org: string | undefined,
  ) {}

  /**
   * The applications that a command is for.
   * @param org id or short name of an organisation; undefined for those of the deployment.
   * @throws {CommandError} if the user sees no such organisation
   */
  static async of(gateway: GatewayLogin, org: string | undefined): Promise<GatewayApplications> {
    const id = org === undefined || isId(org) ? org : await orgOf(gateway, org);
    const path = id === undefined ? '/api/v1/applications' : `/api/v1/orgs/${id}/applications`;
    return new GatewayApplications(gateway, path, org);
  }

  /** The gateway's origin. */
  get url(): string {
    return this.gateway.url;
  }

  /**
   * Calls a route of the applications, or of one of them.
   * @param below the rest of the path with its query, such as `?limit=100`; of one, with a leading slash.
   * @throws {CommandError} that states a refusal in the words of the command line
   */
  async call<Schema extends z.ZodType>(
    method: ApiCall['method'],
    { id, below = '' }: { readonly id?: string; readonly below?: string },
    schema: Schema,
    body?: Readonly<Record<string, unknown>>,
  ): Promise<z.output<Schema>> {
    const path = id === undefined ? this.path : `${this.path}/${encodeURIComponent(id)}`;
    try {
      return await this.gateway.call(method, path + below, schema, body);
    } catch (error) {
      throw error instanceof RefusalError ? this.#explained(error, id, body ?? {}) : error;
    }
  }

  #explained(error: RefusalError, id: string | undefined, body: Readonly<Record<string, unknown>>): Error {
    const org = this.org;
    if (error.status === 404) {
      return new CommandError(missing(id, org), { cause: error });
    }
    if (error.status === 403 && org === undefined) {
      return new CommandError(
        `${error.message}\nFor the applications of an organisation, add --org and its short name or id.`,
        { cause: error },
      );
    }
    return error.errors.length === 0
      ? error
      : new CommandError(error.errors.map((fault) => faultOf(body, fault)).join('\n'), { cause: error });
  }
}

function missing(id: string | undefined, org: string | undefined): string {
  if (org === undefined) {
    return `There is no application ${id ?? ''}.`;
  }
  return id === undefined
    ? `You belong to no organisation ${org}.`
    : `There is no application ${id} in the organisation ${org}, or you don't belong to it.`;
}

/** The id of the organisation that has a short name: one of the user's own, or any if they are an administrator. */
export async function orgOf(gateway: GatewayLogin, slug: string): Promise<string> {
  const wanted = slug.toLowerCase();
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: URLSearchParams = new URLSearchParams(
      cursor === '' ? { limit: '100' } : { limit: '100', cursor },
    );
    const page: z.output<typeof orgsSchema> = await gateway.call('GET', `/api/v1/orgs?${query}`, orgsSchema);
    const found = page.items.find((org) => org.slug === wanted);
    if (found !== undefined) {
      return found.id;
    }
    cursor = page.nextCursor;
  }
  const any = new URLSearchParams({ all: 'true', search: wanted });
  const all = await gateway.call('GET', `/api/v1/orgs?${any}`, orgsSchema).catch(noneIfRefused);
  const found = all.items.find((org) => org.slug === wanted);
  if (found === undefined) {
    throw new CommandError(`You belong to no organisation ${slug}.`);
  }
  return found.id;
}

function noneIfRefused(error: unknown): z.output<typeof orgsSchema> {
  if (error instanceof RefusalError) {
    return { items: [], nextCursor: null };
  }
  throw error;
}
