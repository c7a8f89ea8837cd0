import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes that the path of a Unix socket may have on every system (`sun_path`: 108 on Linux, 104 on macOS, with a zero at the end). */
const longestPath = 103;
const longestName = '/kratos-admin.sock';

/** A folder for Unix sockets that only its owner can enter. */
export interface SocketFolder {
  readonly path: string;
  /** Removes it, where it was made for the sockets alone. */
  remove(): Promise<void>;
}

/** @param folder of ours, 0700; where its path is too long for a socket, a temporary one takes its place. */
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
