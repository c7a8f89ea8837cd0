// Verifies a case and measures windows of it.
import { openSync, readSync, closeSync } from 'node:fs';
import { ask } from './ask.mjs';
import { drive } from './load.mjs';

/** Sessions for cold cases on a fast machine: each comes once in a window, and 36,000 came in a second. */
export const manySessions = 300_000;

/** Who the peers' sessions are of, and what unguarded routes say. */
const someone = { email: 'person-000000@example.org' };

/**
 * Asks once with the credential, which must be answered with the right user, and with none and a broken one, which must be refused.
 * @throws otherwise: nothing is measured that doesn't do its job.
 */
export async function verify(found) {
  const { url, status = 200, user = someone, refused = [], read } = found;
  const answer = await ask(url, firstHeaders(found));
  if (answer.status !== status) {
    throw new Error(`${url} answered ${answer.status} instead of ${status}: ${answer.text.slice(0, 300)}`);
  }
  const said = read === undefined ? JSON.parse(answer.text) : read(answer.headers);
  const isRight =
    found.file === undefined
      ? said.email === user.email && (user.sub === undefined || said.sub === user.sub)
      : said.email?.startsWith('person-');
  if (!isRight || typeof said.sub !== 'string' || said.sub === '') {
    throw new Error(`${url} answered with somebody else: ${JSON.stringify(said)}`);
  }
  for (const headers of refused) {
    const { status: refusal } = await ask(url, headers);
    if (![401, 403, 302].includes(refusal)) {
      throw new Error(`${url} answered ${refusal} to a request without a good credential`);
    }
  }
}

function firstHeaders({ headers = {}, file, header, prefix }) {
  return file === undefined ? headers : { ...headers, [header.toLowerCase()]: prefix + firstLineOf(file) };
}

/** The first credential of a file that has one in each line, without reading all of them. */
export function firstLineOf(file) {
  const buffer = Buffer.alloc(8192);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, buffer);
  closeSync(descriptor);
  return buffer.toString().split('\n')[0];
}

/** Runs a case until its code is compiled; what comes of it doesn't count. */
export async function warmUp(found, seconds, processes) {
  await drive({ ...found, ...found.warm, once: false, counts: false }, seconds, processes);
}

/** Does something as often, as many at a time. */
export async function inLanes(count, lanes, act) {
  let left = count;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left > 0) {
        left -= 1;
        await act();
      }
    }),
  );
}

/** The middle one. */
export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and greatest. */
export function spreadOf(values) {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/**
 * By how much two medians of as many values may differ by chance: three standard errors of their difference, and no less than 3%
 * of the median, because a machine has better and worse hours.
 */
export function toleranceOf(values) {
  const middle = median(values);
  // The standard deviation, as the median distance tells it: a window that something else disturbed doesn't make it wide.
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - middle)));
  // A median's standard error is 1.25 times a mean's.
  const error = (1.25 * deviation) / Math.sqrt(values.length);
  return Math.max(0.03 * middle, 3 * Math.SQRT2 * error);
}
