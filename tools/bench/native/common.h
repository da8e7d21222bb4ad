// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What the three programs share: they speak to this machine alone, and tell their figures as one line of JSON.
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ULL
#define EXIT_USAGE 2
#define BATCH_COUNT 64 // datagrams handed over by one system call

static const char *program_name = "bench";

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", program_name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(EXIT_USAGE);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static inline void sleep_until(uint64_t at_ns) {
  struct timespec t = {.tv_sec = (time_t)(at_ns / NS_PER_SECOND), .tv_nsec = (long)(at_ns % NS_PER_SECOND)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL); // a signal ends it early, and the caller looks again
}

static inline double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// A target is 127.x.y.z:PORT or [::1]:PORT. These programs could flood a network, so any other is refused.
static inline void parse_target(const char *text, struct sockaddr_storage *target, socklen_t *size) {
  char host[64];
  unsigned port = 0;
  int end = 0;
  memset(target, 0, sizeof *target);
  struct sockaddr_in *v4 = (struct sockaddr_in *)target;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)target;
  if (sscanf(text, "[%63[0-9a-fA-F:.]]:%u%n", host, &port, &end) == 2 && text[end] == '\0') {
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) die("%s is no address", text);
    if (!IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) die("refused: %s is not on this machine; only 127.0.0.0/8 and [::1]", text);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *size = sizeof *v6;
  } else if (sscanf(text, "%63[0-9.]:%u%n", host, &port, &end) == 2 && text[end] == '\0') {
    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1) die("%s is no address", text);
    if (ntohl(v4->sin_addr.s_addr) >> 24 != 127) die("refused: %s is not on this machine; only 127.0.0.0/8 and [::1]", text);
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    *size = sizeof *v4;
  } else {
    die("refused: %s is no 127.x.y.z:PORT and no [::1]:PORT", text);
  }
  if (port == 0 || port > 65535) die("%s has no port", text);
}

static inline double parse_number(const char *name, const char *text, double min, double max) {
  char *end = NULL;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= min && value <= max)) die("%s must be %g to %g, not %s", name, min, max, text);
  return value;
}

// Datagrams that came for the socket and were not queued: a full buffer, or a filter that takes none.
static inline uint64_t socket_drops(int fd) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) != 0) die("SO_MEMINFO: %s", strerror(errno));
  return memory[SK_MEMINFO_DROPS];
}

static volatile sig_atomic_t stopping = 0;
static void on_stop(int signal) {
  (void)signal;
  stopping = 1;
}

// Ends with a signal or with its parent, so that nothing goes on sending when the bench is killed.
static inline void obey_signals(void) {
  struct sigaction action = {.sa_handler = on_stop}; // without SA_RESTART: a blocking call returns
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
}

#endif
