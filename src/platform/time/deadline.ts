/** Milliseconds between two checks of a deadline. */
const step = 100;

/**
 * Runs something with a deadline in milliseconds; its signal is aborted when that has passed.
 *
 * Only time in which this process could have seen the answer counts. If its event loop is late, as on a machine that is
 * busy with other work, an answer may have been there all along, and doesn't show that the other side is slow. So the
 * time is counted in steps.
 * @throws {DOMException} `TimeoutError`, as of `AbortSignal.timeout`.
 */
export async function inTime<T>(milliseconds: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    let left = Math.max(1, Math.round(milliseconds / step));
    timer = setInterval(
      () => {
        left -= 1;
        if (left === 0) {
          clearInterval(timer);
          const error = new DOMException(`timed out after ${milliseconds} ms`, 'TimeoutError');
          reject(error);
          controller.abort(error);
        }
      },
      Math.min(step, milliseconds),
    );
  });
  try {
    return await Promise.race([act(controller.signal), late]);
  } finally {
    clearInterval(timer);
  }
}
