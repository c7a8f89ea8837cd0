import { z } from 'zod';

/** How a request reached the gateway through its proxies. */
export const reachSchema = z.object({
  /** Whether the gateway sees `PUBLIC_URL`'s host as the request's host. */
  host: z.boolean(),
  /** Whether the request had `X-Forwarded-Proto` and `X-Forwarded-For`. */
  forwardedProto: z.boolean(),
  forwardedFor: z.boolean(),
  /** Whether `TRUST_PROXY` names the peer that sent them. */
  trusted: z.boolean(),
});
