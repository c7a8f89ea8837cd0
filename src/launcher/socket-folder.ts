import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Most bytes of a Unix socket's path: `sun_path` has 108 on Linux and 104 on macOS, with a zero at the end. */
const longestPath = 103;
const longestName = '/kratos-admin.sock';

/** A folder for Unix sockets that only its owner can enter. */
export interface SocketFolder {
  readonly path: string;
  /** Removes the folder if it is a temporary one. */
  remove(): Promise<void>;
}

/** Opens a folder for sockets. @param folder preferred folder, 0700; a temporary one is used if its path is too long. */
export async function openSocketFolder(folder: string): Promise<SocketFolder> {
  if (fits(folder)) {
    return { path: folder, remove: async () => undefined };
  }
  const parent = [tmpdir(), '/tmp'].find((candidate) => fits(join(candidate, 'vestibule-123456'))) ?? '/tmp';
  const path = await mkdtemp(join(parent, 'vestibule-'));
  return { path, remove: async () => rm(path, { recursive: true, force: true }) };
}

function fits(folder: string): boolean {
  return Buffer.byteLength(folder + longestName) <= longestPath;
}
