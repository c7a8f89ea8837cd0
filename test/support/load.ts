/** What came of a load. */
export interface LoadReport {
  readonly requests: number;
  /** What each request that wasn't answered as it should was answered with, or the error's code. */
  readonly failures: readonly string[];
}

/** A load under way. */
export interface Load {
  requests(): number;
  /** Lets what is under way be answered, and sends no more. */
  stop(): Promise<LoadReport>;
}

const pauseMilliseconds = 15;
/** It ends by itself whatever the test does. */
const maximumRequests = 200_000;

/**
 * Sends requests one after the other in each of a few lanes, with a short pause between two.
 * @param send sends one request of a lane. @returns what was wrong with the answer, if anything.
 * @param pause milliseconds between two requests of a lane: more for a load of a minute, which leaves the machine to the other tests.
 */
export function startLoad(
  lanes: number,
  send: (lane: number) => Promise<string | undefined>,
  pause = pauseMilliseconds,
): Load {
  const failures: string[] = [];
  let requests = 0;
  const stopping = new AbortController();
  const run = async (lane: number): Promise<void> => {
    while (!stopping.signal.aborted && requests < maximumRequests) {
      requests += 1;
      const failure = await send(lane).catch(codeOf);
      if (failure !== undefined) {
        failures.push(failure);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, pause);
      });
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, (_value, lane) => run(lane)));
  return {
    requests: () => requests,
    stop: async () => {
      stopping.abort();
      await running;
      return { requests, failures };
    },
  };
}

function codeOf(error: unknown): string {
  const code: unknown = Reflect.get(Object(error), 'code');
  return typeof code === 'string' ? code : String(error);
}
