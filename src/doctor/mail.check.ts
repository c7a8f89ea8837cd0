import { createTransport } from 'nodemailer';
import { transportOptions } from '../mail/smtp.mailer.js';
import type { Check, Observation } from './check.port.js';
import { reasonOf } from './http.probe.js';

const limit = 1800;
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** The server of SMTP_URL, where it is set, can be reached as the URL says, with TLS and login; nothing is sent. */
export const mailCheck: Check = {
  name: 'mail',
  isCheap: false,
  run: async ({ SMTP_URL }) => {
    if (SMTP_URL === undefined) {
      return [];
    }
    const url = new URL(SMTP_URL);
    const found: Observation[] = [];
    if (!loopback.test(url.hostname)) {
      if (url.protocol === 'smtp:' && url.searchParams.get('disable_starttls') === 'true') {
        found.push({ code: 'smtp_without_tls' });
      }
      if (url.searchParams.get('skip_ssl_verify') === 'true') {
        found.push({ code: 'smtp_certificate_unchecked' });
      }
    }
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
  // A plain server to whom TLS was spoken, or the other way round: the message alone tells.
  const isTlsText =
    error instanceof Error && /ssl routines|wrong version number|certificate/i.test(error.message);
  return {
    code: isTls || isTlsText ? 'smtp_tls_failed' : 'smtp_unreachable',
    detail: `${hostname}: ${code}`,
  };
}
