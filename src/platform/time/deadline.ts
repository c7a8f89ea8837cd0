/** Milliseconds between two checks of a deadline. */
const step = 100;

/** A longer timeout for a peer that answers other calls meanwhile: it is busy, not away. */
export interface BusyTimeout {
  /** Answers of the peer so far. */
  readonly answers: () => number;
  /** Milliseconds that a call may take in all. */
  readonly atMost: number;
}

/**
 * Runs something with a deadline in milliseconds; its signal is aborted when that has passed.
 *
 * Only time in which this process could have seen the answer counts. If its event loop is late, as on a machine that is
 * busy with other work, an answer may have been there all along, and doesn't show that the other side is slow. So the
 * time is counted in steps. With a timeout for a busy peer, it starts over at each of the peer's answers.
 * @throws {DOMException} `TimeoutError`, as of `AbortSignal.timeout`.
 */
export async function inTime<T>(
  milliseconds: number,
  act: (signal: AbortSignal) => Promise<T>,
  { answers, atMost }: BusyTimeout = { answers: () => 0, atMost: milliseconds },
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const length = Math.min(step, milliseconds);
    let waited = 0;
    let silent = 0;
    let heard = answers();
    timer = setInterval(() => {
      waited += length;
      silent = heard === answers() ? silent + length : 0;
      heard = answers();
      if (silent >= milliseconds || waited >= atMost) {
        clearInterval(timer);
        const error = new DOMException(`timed out after ${waited} ms`, 'TimeoutError');
        reject(error);
        controller.abort(error);
      }
    }, length);
  });
  try {
    return await Promise.race([act(controller.signal), late]);
  } finally {
    clearInterval(timer);
  }
}
