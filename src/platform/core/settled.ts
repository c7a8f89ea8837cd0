/** Waits for all, also when one fails. @throws what the first of them in the list was rejected with. */
export async function allDone(acts: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(acts);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) {
    throw failure.reason;
  }
}
