import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import type { Check } from './check.port.js';
import { ask } from './http.probe.js';

/** Milliseconds after which a queued mail counts as stuck. */
const timeout = 300_000;
/** Milliseconds for which an abandoned mail is reported. */
const newsworthy = 86_400_000;

const messagesSchema = z.array(z.looseObject({ created_at: z.string(), updated_at: z.string().optional() }));

/** Checks that Kratos' mails are sent. Its SMTP settings can't be read, but the state of its mails can. */
export const courierCheck: Check<OryConfiguration> = {
  name: 'Kratos mails',
  isCheap: false,
  run: async ({ KRATOS_ADMIN_URL }) => {
    const list = async (status: string): Promise<z.output<typeof messagesSchema>> => {
      const answer = await ask(`${KRATOS_ADMIN_URL}/admin/courier/messages?page_size=100&status=${status}`);
      return messagesSchema.safeParse(answer.json).data ?? [];
    };
    const [queued, abandoned] = await Promise.all([list('queued'), list('abandoned')]);
    const now = Date.now();
    const waiting = queued.filter((message) => now - Date.parse(message.created_at) > timeout).length;
    const given = abandoned.filter(
      (message) => now - Date.parse(message.updated_at ?? message.created_at) < newsworthy,
    ).length;
    return waiting + given === 0
      ? []
      : [
          {
            code: 'kratos_mail_stuck',
            detail: `${waiting} wait for over 5 minutes, ${given} were given up today`,
          },
        ];
  },
};
