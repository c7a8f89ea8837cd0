import type { FastifyInstance } from 'fastify';

/** One route of the running application. */
export interface ListedRoute {
  readonly method: string;
  /** Pattern, with `:parameters` and `*`. */
  readonly pattern: string;
}

/** Two parts of a line: how deep it is, and `path (METHOD, METHOD)`. */
const line = /^((?:[│ ] {3})*)[├└]── (\S+) \(([A-Z, ]+)\)$/;

/** Every route that the router knows, no matter who registered it, in order. */
export function listRoutes(fastify: FastifyInstance): ListedRoute[] {
  const above: string[] = [];
  return fastify
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .filter((text) => text.trim() !== '')
    .flatMap((text) => {
      const [, indent, part, methods] = line.exec(text) ?? [];
      if (indent === undefined || part === undefined || methods === undefined) {
        throw new SyntaxError(`a line of the route tree cannot be read: ${text}`);
      }
      const depth = indent.length / 4;
      const before = above.slice(0, depth).join('');
      // The printer leaves out the slash before a wildcard where the slash has no route of its own.
      const pattern = before + (part === '*' && !before.endsWith('/') ? '/*' : part);
      above.splice(depth, above.length, part);
      return methods.split(', ').map((method) => ({ method, pattern }));
    })
    .sort((one, other) => `${one.pattern} ${one.method}`.localeCompare(`${other.pattern} ${other.method}`));
}
