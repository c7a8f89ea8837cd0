// Keeps wrk awake: a wait for events looks again and again, and lets others run in between, instead of sleeping.
//
// A generator that is faster than the server sleeps between answers, and the server's own write has to wake it. In a virtual machine
// that takes the server as long as much of its work (docs/adr/0015), and a generator on another machine would cost it nothing of this.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

int epoll_wait(int poll, struct epoll_event *events, int most, int timeout) {
  static int (*look)(int, struct epoll_event *, int, int);
  if (look == NULL) {
    look = (int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");
  }
  const long begun = milliseconds();
  for (;;) {
    const int found = look(poll, events, most, 0);
    if (found != 0 || (timeout >= 0 && milliseconds() - begun >= timeout)) {
      return found;
    }
    sched_yield();
  }
}
