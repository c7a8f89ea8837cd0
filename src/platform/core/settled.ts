/** Does one after the other, also when one fails. @throws what the first of them that failed was rejected with. */
export async function allInTurn(acts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const begun: Promise<unknown>[] = [];
  for (const act of acts) {
    const latest = act();
    begun.push(latest);
    await Promise.allSettled([latest]);
  }
  await allDone(begun);
}

/** Waits for all, also when one fails. @throws what the first of them in the list was rejected with. */
export async function allDone(acts: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(acts);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) {
    throw failure.reason;
  }
}
