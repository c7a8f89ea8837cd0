const tick = 20;

/**
 * How long something takes on a machine that is free for it, with what it resolves to. Time in which this process didn't get to
 * run doesn't count: a timer that comes late tells how much that was. So a deadline of the product is the same beside other
 * work. What blocks this process itself is measured by `cpuTime`.
 * @returns whole milliseconds
 */
export async function timed<T>(act: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  let ms = 0;
  let last = performance.now();
  const count = (): void => {
    const now = performance.now();
    ms += Math.min(now - last, 2 * tick);
    last = now;
  };
  const ticks = setInterval(count, tick);
  try {
    const value = await act();
    count();
    return { value, ms: Math.round(ms) };
  } finally {
    clearInterval(ticks);
  }
}

/** Milliseconds of processor time that something takes in this process, however busy the machine is. */
export async function cpuTime(act: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
