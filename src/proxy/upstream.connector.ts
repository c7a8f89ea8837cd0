import { buildConnector } from 'undici';

/**
 * Connections whose certificate is verified, by the trusted authorities (`NODE_EXTRA_CA_CERTS` adds one) and for the upstream's own
 * name. Both have to be said: @fastify/reply-from verifies nothing unless told to (CVE-2026-107318), and undici takes the name from
 * the request's Host, which is our own origin here and not the upstream.
 */
export function verifiedConnector(): buildConnector.connector {
  const connect = buildConnector({ rejectUnauthorized: true });
  return ({ servername: _ofHostHeader, ...target }, done) => connect(target, done);
}
