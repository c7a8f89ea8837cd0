import { getHeapSnapshot } from 'node:v8';

/** Whether strings of this process, after a collection of garbage, hold these texts. */
export async function areInHeap(texts: readonly Buffer[]): Promise<boolean[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of getHeapSnapshot()) {
    chunks.push(Buffer.from(chunk));
  }
  const snapshot = Buffer.concat(chunks);
  return texts.map((text) => snapshot.indexOf(text) !== -1);
}
