import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

const ownPictures = "img-src 'self' data:";

/** This origin's files, nothing inline. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  ownPictures,
  "connect-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join(';');

/**
 * The default header fields of every answer: security headers (OWASP Secure Headers), and a ban on caching.
 *
 * helmet writes them once: they are the same for every answer, and it would build them anew for each.
 */
export function defaultHeaders(publicUrl: string): Readonly<Record<string, string>> {
  const https = publicUrl.startsWith('https:');
  const answer = new ServerResponse(new IncomingMessage(new Socket()));
  helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    // Not no-referrer: with it, browsers send `Origin: null` with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    // Headers that no current browser reads, or whose effect is the default: each header is sent, and checked by Node, with every answer.
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  })(answer.req, answer, (error) => {
    if (error !== undefined) {
      throw error;
    }
  });
  return {
    'content-security-policy': policy,
    ...Object.fromEntries(Object.entries(answer.getHeaders()).map(([name, value]) => [name, String(value)])),
    'cache-control': 'no-store',
  };
}

/** The same for bytes that Node can't read as a request; their pages have a style sheet and nothing else. */
export const bareSecurityHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
} as const;

/**
 * The policy of an error page on a host of applications: its style sheet and pictures are files of the gateway's origin, because this origin's
 * are an application's. It has no script and no form.
 * @param gateway origin of the gateway.
 */
export function policyOnHost(gateway: string): string {
  return `default-src 'none';style-src ${gateway};img-src ${gateway};base-uri ${gateway};form-action 'none';frame-ancestors 'none'`;
}

/**
 * The policy of a page whose form ends, by redirects, at another application. Browsers apply `form-action` to every redirect that
 * follows a submission, so the policy must name the application's origin.
 * @param targets redirect URIs of that application.
 * @param showsPicture whether the page has a picture of another host, with https. Only the user's own picture is one, and the logo of an
 *   application that the user comes from: any other host would learn when and from where its picture is looked at.
 */
export function policyFor(targets: readonly string[], showsPicture = false): string {
  const origins = targets.flatMap((target) => {
    const url = URL.canParse(target) ? new URL(target) : undefined;
    if (url === undefined) {
      return [];
    }
    // An app's private scheme (RFC 8252) has no origin; a loopback redirect may use any port.
    if (!/^https?:$/.test(url.protocol)) {
      return [url.protocol];
    }
    // A host may contain a character that ends a directive: such an application gets no form rather than a policy of its own.
    if (/[;,\s]/.test(url.host)) {
      return [];
    }
    return [
      /^(?:127\.0\.0\.1|\[::1\])$/.test(url.hostname) ? `${url.protocol}//${url.hostname}:*` : url.origin,
    ];
  });
  return policy
    .replace(/form-action [^;]*/, ["form-action 'self'", ...new Set(origins)].join(' '))
    .replace(ownPictures, showsPicture ? `${ownPictures} https:` : ownPictures);
}
