// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Asks a node over kept-alive HTTP connections, each with one question at a time, and tells how long answers took.
//   http --target 127.x.y.z:PORT --paths FILE --seconds S [--connections N] [--rate N]
// Without --rate each connection asks again at once. With it questions are due at a steady rate, and a time runs from
// when its question was due, so that a stall counts for all that had to wait.
#include "common.h"
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define ANSWER_SIZE_MAX 65536
#define REQUEST_SIZE_MAX 512
#define LATENESS_MAX_NS 10000000000ULL // an answer that takes longer is an error

typedef struct {
  int fd;
  bool waiting;
  uint64_t asked_at, due_at;
  size_t size;
  char answer[ANSWER_SIZE_MAX + 1];
} Connection;

// Times in microseconds: exact below 64, then 32 steps to each power of two (3 % wide).
#define STEP_BITS 5
#define STEPS (1U << STEP_BITS)
static uint64_t histogram[STEPS * 64], max_us;

static unsigned step_of(uint64_t us) {
  if (us < 2 * STEPS) return (unsigned)us;
  unsigned shift = 63U - (unsigned)__builtin_clzll(us) - STEP_BITS;
  return shift * STEPS + (unsigned)(us >> shift);
}

static uint64_t upper_end(unsigned step) {
  if (step < 2 * STEPS) return step;
  unsigned shift = step / STEPS - 1;
  return ((uint64_t)(step - shift * STEPS + 1) << shift) - 1;
}

static void note(uint64_t us) {
  histogram[step_of(us)]++;
  if (us > max_us) max_us = us;
}

static uint64_t percentile(double part, uint64_t total) {
  uint64_t wanted = (uint64_t)(part * (double)total), seen = 0;
  for (unsigned i = 0; i < sizeof histogram / sizeof *histogram; i++)
    if ((seen += histogram[i]) > wanted) return upper_end(i) < max_us ? upper_end(i) : max_us;
  return max_us;
}

typedef struct { char **lines; size_t count; } Paths;

static Paths read_paths(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat file;
  if (fd < 0 || fstat(fd, &file) != 0) die("%s: %s", path, strerror(errno));
  char *text = malloc((size_t)file.st_size + 1);
  if (text == NULL || read(fd, text, (size_t)file.st_size) != file.st_size) die("%s cannot be read", path);
  close(fd);
  text[file.st_size] = '\0';
  Paths paths = {.lines = malloc(sizeof(char *) * ((size_t)file.st_size + 1))};
  if (paths.lines == NULL) die("no memory");
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    if (line[0] != '/' || strlen(line) > REQUEST_SIZE_MAX - 100) die("%s: \"%.40s\" is no path", path, line);
    paths.lines[paths.count++] = line;
  }
  if (paths.count == 0) die("%s holds no paths", path);
  return paths;
}

static const char *target_text;
static struct sockaddr_storage target;
static socklen_t target_size;
static uint64_t answered, errors, by_class[6];

static void open_connection(Connection *c, int epoll, unsigned index) {
  int one = 1;
  c->fd = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&target, target_size) != 0) die("connect: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll: %s", strerror(errno));
  c->waiting = false;
  c->size = 0;
}

static void ask(Connection *c, const char *path, uint64_t asked_at) {
  char request[REQUEST_SIZE_MAX];
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, target_text);
  c->asked_at = asked_at;
  c->waiting = true;
  if (write(c->fd, request, (size_t)size) != size) errors++; // its answer will not come, and counts as late
}

// The size of a whole answer at the start of the buffer; 0 when it is not there yet, -1 when it cannot be read.
static long answer_size(const Connection *c) {
  const char *end = memmem(c->answer, c->size, "\r\n\r\n", 4);
  if (end == NULL) return c->size == ANSWER_SIZE_MAX ? -1 : 0;
  const char *length = strcasestr(c->answer, "\r\ncontent-length:");
  if (length == NULL || length > end) return -1;
  long size = (end + 4 - c->answer) + strtol(length + 17, NULL, 10);
  if (size > ANSWER_SIZE_MAX) return -1;
  return (size_t)size <= c->size ? size : 0;
}

// False when the connection is of no more use.
static bool take_answer(Connection *c) {
  ssize_t got = read(c->fd, c->answer + c->size, ANSWER_SIZE_MAX - c->size);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  c->size += (size_t)got;
  c->answer[c->size] = '\0';
  long size = answer_size(c);
  if (size < 0) return false;
  if (size == 0) return true;
  uint64_t took = now_ns() - c->asked_at;
  int class = c->answer[9] - '0'; // "HTTP/1.1 200"
  if (class < 1 || class > 5) return false;
  by_class[class]++;
  answered++;
  note(took / 1000);
  c->size = 0;
  c->waiting = false;
  return true;
}

static Connection connections[CONNECTIONS_MAX];

int main(int argc, char **argv) {
  program_name = "http";
  const char *paths_file = NULL;
  double seconds = 0, rate = 0, count = 32;
  static const struct option options[] = {{"target", required_argument, NULL, 't'},
                                          {"paths", required_argument, NULL, 'p'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {0}};
  for (int flag; (flag = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (flag == 't') target_text = optarg;
    else if (flag == 'p') paths_file = optarg;
    else if (flag == 's') seconds = parse_number("--seconds", optarg, 0.001, 86400);
    else if (flag == 'c') count = parse_number("--connections", optarg, 1, CONNECTIONS_MAX);
    else if (flag == 'r') rate = parse_number("--rate", optarg, 1, 1e7);
    else return EXIT_USAGE;
  }
  if (target_text == NULL || paths_file == NULL || seconds == 0) die("--target, --paths and --seconds must be given");
  parse_target(target_text, &target, &target_size);
  Paths paths = read_paths(paths_file);
  obey_signals();
  signal(SIGPIPE, SIG_IGN);

  unsigned connection_count = (unsigned)count;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  uint64_t start = now_ns(), ends_at = start + (uint64_t)(seconds * 1e9), now = start, asked = 0;
  uint64_t every = rate > 0 ? (uint64_t)(count * 1e9 / rate) : 0;
  for (unsigned i = 0; i < connection_count; i++) {
    open_connection(&connections[i], epoll, i);
    connections[i].due_at = start + every * i / connection_count;
  }
  bool more = true;
  while (more || now < ends_at) {
    more = false;
    uint64_t next_at = now < ends_at ? ends_at : now + 100000000;
    for (unsigned i = 0; i < connection_count; i++) {
      Connection *c = &connections[i];
      if (c->waiting && now - c->asked_at > LATENESS_MAX_NS) {
        errors++;
        close(c->fd);
        open_connection(c, epoll, i);
      }
      if (!c->waiting && now < ends_at && !stopping && (every == 0 || c->due_at <= now)) {
        ask(c, paths.lines[asked++ % paths.count], every == 0 ? now : c->due_at);
        c->due_at += every;
      }
      if (c->waiting) more = true;
      else if (every > 0 && c->due_at < next_at) next_at = c->due_at;
    }
    if (stopping) break;
    struct epoll_event events[CONNECTIONS_MAX];
    int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, 0);
    if (ready == 0 && next_at > now) { // epoll_wait itself can only wait whole milliseconds
      uint64_t wait_ns = next_at - now < NS_PER_SECOND ? next_at - now : NS_PER_SECOND;
      struct timespec patience = {.tv_sec = (time_t)(wait_ns / NS_PER_SECOND), .tv_nsec = (long)(wait_ns % NS_PER_SECOND)};
      struct pollfd answers = {.fd = epoll, .events = POLLIN};
      if (ppoll(&answers, 1, &patience, NULL) > 0) ready = epoll_wait(epoll, events, CONNECTIONS_MAX, 0);
    }
    for (int e = 0; e < ready; e++) {
      Connection *c = &connections[events[e].data.u32];
      if (take_answer(c)) continue;
      errors++;
      close(c->fd);
      open_connection(c, epoll, events[e].data.u32);
    }
    now = now_ns();
  }
  double took = (double)((now < ends_at ? now : ends_at) - start) / 1e9;
  printf("{\"answeredCount\":%llu,\"okCount\":%llu,\"notFoundCount\":%llu,\"otherCount\":%llu,\"errorCount\":%llu,"
         "\"seconds\":%.6f,\"p50Us\":%llu,\"p99Us\":%llu,\"maxUs\":%llu,\"cpuSeconds\":%.6f}\n",
         (unsigned long long)answered, (unsigned long long)by_class[2], (unsigned long long)by_class[4],
         (unsigned long long)(by_class[1] + by_class[3] + by_class[5]), (unsigned long long)errors, took,
         (unsigned long long)percentile(0.5, answered), (unsigned long long)percentile(0.99, answered),
         (unsigned long long)max_us, cpu_seconds());
  return 0;
}
