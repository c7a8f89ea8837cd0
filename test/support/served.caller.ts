/**
 * Asks until there is room: who waits over two seconds for one of the ten connections to the database, as on a busy machine, is told to come
 * again, and does so.
 * @param isBusy whether an answer says that.
 */
export async function untilServed<Answer>(
  ask: () => Promise<Answer>,
  isBusy: (answer: Answer) => boolean,
): Promise<Answer> {
  let answer = await ask();
  while (isBusy(answer)) {
    answer = await ask();
  }
  return answer;
}
