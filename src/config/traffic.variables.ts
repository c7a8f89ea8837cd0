import { z } from 'zod';
import { duration, variableDocs } from './variable.js';

const milliseconds = z.string().transform((text, context) => {
  if (!/^\d{1,6}$/.test(text)) {
    context.addIssue('must be a whole number of milliseconds, or 0');
    return z.NEVER;
  }
  return Number(text);
});

/** How the process behaves under more load than it can bear, and at its end. */
export const trafficVariables = {
  MAX_EVENT_LOOP_DELAY: milliseconds.default(500).register(variableDocs, {
    description:
      'Milliseconds that the event loop may be late, with many requests at once, before new ones are answered 503 `overloaded` with `Retry-After` (docs/faults.md). `/health/live` and `/metrics` are always served. `0` never does that.',
    derivedDefault: '`500`',
    example: '500',
    recommendation:
      'Leave it: at full speed the loop is late by a few milliseconds. Lower it where answers that late help nobody.',
  }),
  SHUTDOWN_DELAY: duration.optional().register(variableDocs, {
    description:
      'After SIGTERM `/health/ready` answers 503 and everything else is served for this long, so that a balancer can stop sending requests; then the port closes and what is under way is answered. SIGINT (Ctrl-C) does not wait.',
    derivedDefault: 'none: the port closes at once',
    recommendation:
      'Somewhat longer than the balancer takes to notice: `5s` under Kubernetes (the manifests set it), where it stands in for a `preStop` sleep.',
    example: '5s',
  }),
};
