import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../platform/config/json.parser.js';

const requestLimitMs = 2000;
const eagerMs = 2000;

const statusBody = z.looseObject({ status: z.string() });

/** How to check that a child process is ready. */
export interface ReadinessProbe {
  /** URL that returns 200 when ready. */
  readonly url: string;
  /** Unix socket to connect to instead of the URL's host. */
  readonly socketPath?: string;
  /** Required `status` in the JSON body: the gateway returns 200 even if it's degraded. */
  readonly status?: string;
  /** `Host` header, if it differs from the URL's host. */
  readonly host?: string;
}

/** Waits for a probe. @returns true once it succeeds, false if `signal` is aborted first. */
export async function waitUntilReady(probe: ReadinessProbe, signal: AbortSignal): Promise<boolean> {
  const began = Date.now();
  while (!signal.aborted) {
    if (await answersOk(probe, signal)) {
      return !signal.aborted;
    }
    await delay(Date.now() - began < eagerMs ? 20 : 200, undefined, { signal }).catch(() => {});
  }
  return false;
}

function answersOk(probe: ReadinessProbe, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = probe.host === undefined ? {} : { host: probe.host };
    const place = probe.socketPath === undefined ? {} : { socketPath: probe.socketPath };
    const options = { ...place, agent: false, headers, signal, timeout: requestLimitMs };
    const request = get(probe.url, options, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 && hasStatus(body, probe.status)),
        () => resolve(false),
      );
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

function hasStatus(body: string, wanted: string | undefined): boolean {
  return wanted === undefined || statusBody.safeParse(parseJson(body)).data?.status === wanted;
}
