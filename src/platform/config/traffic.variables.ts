import { z } from 'zod';
import { duration, variableDocs } from './variable.js';

const milliseconds = z
  .string()
  .regex(/^\d{1,6}$/, { error: 'must be a whole number of milliseconds, or 0' })
  .transform(Number);

/** Variables for the behaviour of the process under overload and at shutdown. */
export const trafficVariables = {
  MAX_EVENT_LOOP_DELAY: milliseconds.default(500).register(variableDocs, {
    description:
      'Delay of the event loop, in milliseconds, above which new requests are answered 503 `overloaded` with `Retry-After`, if many are in progress (docs/internals/faults.md). `/health/live` and `/metrics` are always served. `0` turns this off.',
    derivedDefault: '`500`',
    example: '500',
    recommendation: 'Leave it: at full load, the delay is a few milliseconds.',
  }),
  SHUTDOWN_DELAY: duration.optional().register(variableDocs, {
    description:
      'How long after SIGTERM requests are still served, while `/health/ready` answers 503 so that a load balancer stops sending them. SIGINT (Ctrl-C) does not wait.',
    derivedDefault: 'none: the port closes at once',
    recommendation:
      'Somewhat longer than the load balancer takes to notice: `5s` under Kubernetes (the manifests set it).',
    example: '5s',
  }),
};
