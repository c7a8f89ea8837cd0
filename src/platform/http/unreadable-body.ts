import { RouteConfig } from '@nestjs/platform-fastify';

/** Makes the answer to a body that can't be read, of what is wrong with it. */
type UnreadableFormat = (description: string) => Readonly<Record<string, string>>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by {@link UnreadableAs}. */
    readonly unreadable?: UnreadableFormat;
  }
}

/** The format of OAuth's token endpoint (RFC 6749 section 5.2). */
export const asOAuthError: UnreadableFormat = (description) => ({
  error: 'invalid_request',
  error_description: description,
});

/**
 * Answers a body that can't be read in the format of the route's own specification instead of problem details. The parsers refuse such a
 * body before anything of the route runs.
 */
export function UnreadableAs(unreadable: UnreadableFormat): MethodDecorator {
  return RouteConfig({ unreadable });
}
