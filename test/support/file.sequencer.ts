import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, mostly of waiting: they begin first, so that none of them is left alone at the end. */
const longest = [
  'containers/first-start',
  'e2e/stale-claims',
  'journeys/installed-package',
  'journeys/database-fails-over',
  'contract/strategy/key-rotation',
  'e2e/replica-faults',
  'fuzz/http.fuzz',
  'journeys/redis-fails-over',
  'e2e/database-growth',
  'launcher/sqlite-without-c',
  'journeys/kubernetes',
  'contract/outgoing-tls',
  'journeys/upgrade',
];
/** Files that take turns with Docker's engine: far from each other, because one that waits for its turn keeps a worker. */
const ofEngine = ['journeys/compose', 'containers/operating', 'journeys/docker-run', 'containers/image'];

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
    const first = longest.flatMap(take);
    const engine = ofEngine.flatMap(take);
    const others = sorted.filter((file) => !alone.includes(file));
    const distance = Math.ceil(others.length / (2 * ofEngine.length));
    engine.forEach((file, index) => others.splice((index + 1) * distance, 0, file));
    return [...alone, ...first, ...others];
  }
}
