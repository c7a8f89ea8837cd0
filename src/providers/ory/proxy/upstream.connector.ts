import { buildConnector } from 'undici';

/**
 * A connector that verifies the upstream's certificate, by the trusted authorities (`NODE_EXTRA_CA_CERTS` adds one) and for the
 * upstream's own name. Both must be configured. By default, @fastify/reply-from verifies nothing (CVE-2026-107318). undici takes
 * the name from the request's Host, which is our own origin here and not the upstream.
 */
export function verifiedConnector(): buildConnector.connector {
  const connect = buildConnector({ rejectUnauthorized: true });
  return ({ servername: _ofHostHeader, ...target }, done) => connect(target, done);
}
