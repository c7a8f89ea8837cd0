import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import { SessionQuestions } from '../providers/ory/kratos/session-questions.js';
import type { Check } from './check.port.js';
import { NoAnswerError, ask } from './http.probe.js';

const flowSchema = z.looseObject({ id: z.string() });

/** Checks that Kratos asks the gateway about a login challenge, by which it tells whose session a browser has. */
export const kratosSessionsCheck: Check<OryConfiguration> = {
  name: 'Kratos sessions',
  isCheap: false,
  run: async (configuration) => {
    const start = `${configuration.KRATOS_PUBLIC_URL}/self-service/login/browser`;
    const headers = { accept: 'application/json' };
    const challenge = new SessionQuestions(configuration, new Clock()).begin();
    const query = new URLSearchParams({ login_challenge: challenge });
    const [answer] = await Promise.all([
      ask(`${start}?${query}`, { headers }).catch((error: unknown) => {
        if (error instanceof NoAnswerError) {
          return undefined;
        }
        throw error;
      }),
      // Another check reports a Kratos that doesn't answer at all.
      ask(start, { headers }),
    ]);
    // Without a session, Kratos begins a login once the gateway has told it of the challenge.
    return flowSchema.safeParse(answer?.json).success
      ? []
      : [{ code: 'kratos_sessions_untold', detail: `Kratos’ answer: ${answer?.status ?? 'none in time'}` }];
  },
};
