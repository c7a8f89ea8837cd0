import { z } from 'zod';
import { isId } from '../platform/core/id.schema.js';
import { CommandError } from '../platform/errors/command.error.js';
import { type ApiCall, RefusalError } from './gateway.client.js';
import type { GatewayLogin } from './user.program.js';

const orgsSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), slug: z.string() })),
  nextCursor: z.string().nullable(),
});

/** States a refusal in the words of the command line. @param id of one; undefined for all. */
type Explain = (refusal: RefusalError, id: string | undefined, body: NonNullable<ApiCall['body']>) => Error;

/** Applications or connections of a deployment, or of one of its organisations, at the gateway's API. */
export class GatewayResources {
  private constructor(
    private readonly gateway: GatewayLogin,
    private readonly path: string,
    private readonly explain: Explain,
  ) {}

  /**
   * The resources that a command is for.
   * @param org id or short name of an organisation; undefined for those of the deployment.
   * @throws {CommandError} if the user sees no such organisation
   */
  static async of(
    gateway: GatewayLogin,
    name: 'applications' | 'connections',
    org: string | undefined,
    explain: Explain,
  ): Promise<GatewayResources> {
    const id = org === undefined || isId(org) ? org : await orgOf(gateway, org);
    const path = id === undefined ? `/api/v1/${name}` : `/api/v1/orgs/${id}/${name}`;
    return new GatewayResources(gateway, path, explain);
  }

  /** The gateway's origin. */
  get url(): string {
    return this.gateway.url;
  }

  /**
   * Calls a route of all, or of one of them.
   * @param below the rest of the path with its query, such as `?limit=100`; of one, with a leading slash.
   * @throws {CommandError} that states a refusal in the words of the command line
   */
  async call<Schema extends z.ZodType>(
    method: ApiCall['method'],
    { id, below = '' }: { readonly id?: string; readonly below?: string },
    schema: Schema,
    body?: ApiCall['body'],
  ): Promise<z.output<Schema>> {
    const path = id === undefined ? this.path : `${this.path}/${encodeURIComponent(id)}`;
    try {
      return await this.gateway.call(method, path + below, schema, body);
    } catch (error) {
      throw error instanceof RefusalError ? this.explain(error, id, body ?? {}) : error;
    }
  }
}

/** The id of the organisation that has a short name: one of the user's own, or any if they are an administrator. */
async function orgOf(gateway: GatewayLogin, slug: string): Promise<string> {
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
