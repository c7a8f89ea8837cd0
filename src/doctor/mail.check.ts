import { transportOptions } from '../platform/mail/smtp-mailer.js';
import type { Check, Observation } from './check.port.js';
import { answerLimit, reasonOf } from './http.probe.js';
import { isLoopbackHost } from '../platform/core/loopback.js';

/** The mailbox of docker/compose.yml, for trials on this machine: a container beside the gateway's, in a network of this machine. */
const trialMailbox = 'mailbox:1025';

/** Checks that the mail server of SMTP_URL, if set, can be reached with the URL's TLS and login. Sends nothing. */
export const mailCheck: Check = {
  name: 'mail',
  isCheap: false,
  run: async ({ SMTP_URL, PUBLIC_URL }) => {
    if (SMTP_URL === undefined) {
      return [];
    }
    const url = new URL(SMTP_URL);
    const found: Observation[] = [];
    const isTrial = url.host === trialMailbox && isLoopbackHost(new URL(PUBLIC_URL).hostname);
    if (!isLoopbackHost(url.hostname) && !isTrial) {
      if (url.protocol === 'smtp:' && url.searchParams.get('disable_starttls') === 'true') {
        found.push({ code: 'smtp_without_tls' });
      }
      if (url.searchParams.get('skip_ssl_verify') === 'true') {
        found.push({ code: 'smtp_certificate_unchecked' });
      }
    }
    const { createTransport } = await import('nodemailer');
    const limit = answerLimit();
    const transport = createTransport({
      ...transportOptions(url),
      connectionTimeout: limit,
      greetingTimeout: limit,
      socketTimeout: limit,
      dnsTimeout: limit,
    });
    try {
      await transport.verify();
    } catch (error) {
      found.push(describe(error, url));
    } finally {
      transport.close();
    }
    return found;
  },
};

function describe(error: unknown, { hostname }: URL): Observation {
  const code = reasonOf(error);
  if (code === 'EAUTH') {
    return { code: 'smtp_login_refused', detail: hostname };
  }
  const isTls = code === 'ETLS' || /^(?:ERR_(?:SSL|TLS)|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/.test(code);
  // If only one side speaks TLS, only the error's message shows it.
  const isTlsText =
    error instanceof Error && /ssl routines|wrong version number|certificate/i.test(error.message);
  return {
    code: isTls || isTlsText ? 'smtp_tls_failed' : 'smtp_unreachable',
    detail: `${hostname}: ${code}`,
  };
}
