import type { z } from 'zod';
import { isId } from '../platform/core/id.schema.js';
import { orgOf } from './application-gateway.js';
import { CommandError } from '../platform/errors/command.error.js';
import { type ApiCall, RefusalError } from './gateway.client.js';
import type { GatewayLogin } from './user.program.js';

/** The connections of an organisation, at the gateway's API. */
export class GatewayConnections {
  private constructor(
    private readonly gateway: GatewayLogin,
    private readonly path: string,
    private readonly org: string,
  ) {}

  /**
   * The connections that a command is for.
   * @param org id or short name of the organisation.
   * @throws {CommandError} if the user sees no such organisation
   */
  static async of(gateway: GatewayLogin, org: string): Promise<GatewayConnections> {
    const id = isId(org) ? org : await orgOf(gateway, org);
    return new GatewayConnections(gateway, `/api/v1/orgs/${id}/connections`, org);
  }

  /**
   * Calls a route of the connections, or of one of them.
   * @param below the rest of the path, with a leading slash.
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
      if (!(error instanceof RefusalError)) {
        throw error;
      }
      if (error.status === 404) {
        const what =
          id === undefined ? '' : `There is no connection ${id} in the organisation ${this.org}, or `;
        throw new CommandError(`${what}${what === '' ? 'You' : 'you'} don't belong to it.`, { cause: error });
      }
      throw error.errors.length === 0
        ? error
        : new CommandError(error.errors.map(({ field, message }) => `${field} ${message}`).join('\n'), {
            cause: error,
          });
    }
  }
}
