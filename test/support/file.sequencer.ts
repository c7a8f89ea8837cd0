import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take minutes, mostly of waiting. They begin early, so that none of them is left alone at the end, and apart from each other,
 * so that the others have something to do meanwhile. Those that use Docker's engine take turns.
 */
const longest = [
  'containers/first-start',
  'journeys/installed-package',
  'e2e/stale-claims',
  'journeys/database-fails-over',
  'contract/strategy/key-rotation',
  'journeys/compose',
  'e2e/replica-faults',
  'fuzz/http.fuzz',
  'journeys/redis-fails-over',
  'containers/operating',
  'e2e/database-growth',
  'launcher/sqlite-without-c',
  'journeys/docker-run',
  'contract/outgoing-tls',
  'journeys/kubernetes',
  'containers/podman',
  'containers/image',
  'journeys/upgrade',
];
/** Files from one of them to the next. */
const distance = 6;

/** The order in which test files begin. */
export class FileSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const take = (name: string): TestSpecification[] => {
      const index = sorted.findIndex(({ moduleId }) => moduleId.endsWith(`/test/${name}.spec.ts`));
      return index === -1 ? [] : sorted.splice(index, 1);
    };
    // Workers of their own: begun among the others, they would end those.
    const alone = sorted.filter(({ project }) => project.name === 'own process');
    const slow = longest.flatMap(take);
    const ordered = sorted.filter((file) => !alone.includes(file));
    slow.forEach((file, index) => ordered.splice(index * distance, 0, file));
    return [...alone, ...ordered];
  }
}
