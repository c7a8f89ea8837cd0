import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take minutes, mostly of waiting. They begin early, so that none of them is left alone at the end, and apart from each other,
 * so that the others have something to do meanwhile.
 */
const longest = [
  'journeys/installed-package',
  'e2e/stale-claims',
  'journeys/database-fails-over',
  'e2e/replica-faults',
  'fuzz/http.fuzz',
  'journeys/redis-fails-over',
  'e2e/database-growth',
  'launcher/sqlite-without-c',
  'contract/extended/outgoing-tls',
  'journeys/kubernetes',
  'journeys/upgrade',
];
/** Files from one of them to the next. */
const distance = 6;

/** Files that take turns with an engine for containers: one that begins during another's turn holds up a worker. */
const inTurns = [
  'journeys/engine/compose',
  'containers/podman',
  'containers/operating',
  'containers/image',
  'journeys/engine/docker-run',
];
/** Where the nth of them begins among the others, which get shorter. */
const placeOf = (n: number): number => 8 * n * n;

/** The order in which test files begin. */
export class FileSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const take = (name: string): TestSpecification[] => {
      const index = sorted.findIndex(({ moduleId }) => moduleId.endsWith(`/test/${name}.spec.ts`));
      return index === -1 ? [] : sorted.splice(index, 1);
    };
    // Workers of their own: begun among the others, they would end those.
    const alone = sorted.filter(({ project }) => project.name === 'alone');
    const slow = longest.flatMap(take);
    const turns = inTurns.flatMap(take);
    const ordered = sorted.filter((file) => !alone.includes(file));
    slow.forEach((file, index) => ordered.splice(index * distance, 0, file));
    turns.forEach((file, index) => ordered.splice(placeOf(index), 0, file));
    return [...alone, ...ordered];
  }
}
