import { isIP } from 'node:net';
import { connect, checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Check, Observation } from './check.port.js';
import { connectToOf } from './connect-to-context.js';
import { NoAnswerError, answerLimit, reasonOf } from './http.probe.js';

const day = 86_400_000;
const warningDays = 14;

/** Checks the certificate that browsers get at an https PUBLIC_URL. */
export const certificateCheck: Check = {
  name: 'certificate',
  isCheap: false,
  run: async ({ PUBLIC_URL }) => {
    const url = new URL(PUBLIC_URL);
    if (url.protocol !== 'https:') {
      return [];
    }
    const { certificate, problem } = await fetchCertificate(url);
    const found: Observation[] = [];
    const [from, to] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)];
    const daysLeft = Math.floor((to - Date.now()) / day);
    if (Date.now() > to || Date.now() < from) {
      found.push({ code: 'certificate_expired', detail: `valid to ${new Date(to).toISOString()}` });
    } else if (daysLeft < warningDays) {
      found.push({ code: 'certificate_expires_soon', detail: `${daysLeft} days left` });
    }
    if (checkServerIdentity(url.hostname.replaceAll(/^\[|\]$/g, ''), certificate) !== undefined) {
      found.push({ code: 'certificate_wrong_host', detail: url.hostname });
    }
    // TLS reports only one problem, and the dates before the authority.
    if (problem !== undefined && !/^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$|ALTNAME/.test(problem)) {
      found.push({ code: 'certificate_untrusted', detail: problem });
    }
    return found;
  },
};

async function fetchCertificate(
  url: URL,
): Promise<{ certificate: PeerCertificate; problem: string | undefined }> {
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  const connectTo = connectToOf(url);
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new NoAnswerError(url.origin, reason));
    };
    const socket = connect(
      {
        host: connectTo?.hostname ?? host,
        port: connectTo?.port ?? (url.port === '' ? 443 : Number(url.port)),
        rejectUnauthorized: false,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      },
      () => {
        const certificate = socket.getPeerCertificate();
        const error: unknown = socket.authorizationError;
        const problem = socket.authorized
          ? undefined
          : String(error instanceof Error ? reasonOf(error) : error);
        socket.destroy();
        resolve({ certificate, problem });
      },
    );
    socket.setTimeout(answerLimit(), () => fail('no answer in time'));
    socket.on('error', (error) => fail(reasonOf(error)));
  });
}
