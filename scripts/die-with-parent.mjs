// Ties a process to this one: when this one goes, even by SIGKILL, the other goes too.

/**
 * A shell that leaves a watcher behind and then becomes the program itself, so that the pid, the signals and the exit code
 * are the program's own. The watcher reads file descriptor 3, a pipe whose other end only the parent holds: a line says that
 * all is well, the end of the pipe says that the parent is dead, and then the program's process group is killed.
 */
const script = [
  '{ trap "" HUP INT TERM; read -r line <&3 || kill -KILL -$$; } >/dev/null 2>&1 &',
  'exec 3<&- "$@"',
].join('\n');

export function tied(command, args) {
  return { command: '/bin/sh', args: ['-c', script, 'sh', command, ...args] };
}

export function tie(child) {
  const pipe = child.stdio[3];
  pipe.on('error', () => {});
  child.once('exit', () => pipe.end('\n', () => pipe.destroy()));
}
