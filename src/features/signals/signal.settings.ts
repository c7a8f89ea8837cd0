import { z } from 'zod';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { defineSettings } from '../../platform/features/feature.js';
import { commaList, hostList, httpUrl, variableDocs } from '../../platform/config/variable.js';

/**
 * Issuer of a transmitter, as it is in `iss`: a slash at its end is part of it. Plain http is for programs on this machine alone, because
 * the answer at this address decides which keys are trusted.
 */
const transmitter = z.string().refine(
  (text) => {
    const url = httpUrl.safeParse(text).success ? new URL(text) : undefined;
    return url !== undefined && (url.protocol === 'https:' || isLoopbackHost(url.hostname));
  },
  {
    error:
      'must be https URLs without credentials, query or fragment; http only for localhost and loopback addresses',
  },
);

/** Settings of signals (OpenID Shared Signals) to and from others. */
export const signalSettings = defineSettings('signalSettings', {
  SIGNAL_PUSH_HOSTS: hostList.default([]).register(variableDocs, {
    description:
      'Hosts to which security events may be pushed although their addresses are private, or they have no TLS. Others must be public and begin with `https://`.',
    recommendation: 'Only hosts whose every port an administrator’s API key may send a POST to.',
    example: 'siem.internal,10.0.0.7:8080',
  }),
  SIGNAL_TRANSMITTERS: commaList.pipe(z.array(transmitter)).default([]).register(variableDocs, {
    description:
      'Issuers whose signals (OpenID Shared Signals, CAEP) are accepted at `/ssf/events` and end sessions here, exactly as their `/.well-known/ssf-configuration` states them. Not with `AUTH_PROVIDER=ory`. See docs/providers.md.',
    derivedDefault: 'none: the path answers 404',
    recommendation: 'List only your login provider, or a service that it sends its signals through.',
    example: 'https://sso.example.org',
  }),
});
