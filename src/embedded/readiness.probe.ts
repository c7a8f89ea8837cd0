import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../config/json.parser.js';

const requestLimitMs = 2000;
const eagerMs = 2000;

const statusBody = z.looseObject({ status: z.string() });

/** Where a child says that it is ready. */
export interface ReadinessProbe {
  /** Answers 200 when ready. */
  readonly url: string;
  /** Unix socket that it is asked through. */
  readonly socketPath?: string;
  /** What `status` of the JSON body must be as well: the gateway answers 200 also while it is degraded. */
  readonly status?: string;
  /** `Host` to ask for, where it differs from the URL's. */
  readonly host?: string;
}

/** Resolves to true once the probe answers 200, to false when `signal` fires first. */
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
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(response.statusCode === 200 && hasStatus(body, probe.status)));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

function hasStatus(body: string, wanted: string | undefined): boolean {
  return wanted === undefined || statusBody.safeParse(parseJson(body)).data?.status === wanted;
}
