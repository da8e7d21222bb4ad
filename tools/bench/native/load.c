// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Sends SIP datagrams over loopback at a rate, from many source addresses, and counts what comes back.
//   load --target 127.x.y.z:PORT --traffic FILE --rate N (--seconds S | --count N)
//        [--sources N] [--first-source K] [--first-message K] [--burst N] [--linger MS] [--no-gso]
//
// Cheap on purpose, or it would measure itself. One send carries up to 64 datagrams of equal size (UDP_SEGMENT), all from
// one source, which IP_PKTINFO chooses: all of 127.0.0.0/8 is local, so one socket has 16 million addresses. Replies are
// not read: a filter refuses each at the socket, where the kernel counts it (SK_MEMINFO_DROPS).
#include "common.h"
#include <fcntl.h>
#include <getopt.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define SOURCES_MAX 15000000.0
#define DEBT_MAX_NS 20000000ULL // so far behind it catches up; what is beyond is not sent in a burst, but later
#define NAP_NS 250000ULL // the least sleep worth its cost: what falls due meanwhile goes out together
#define UDP_PAYLOAD_SIZE_MAX 65507

// The traffic file, as tools/bench/traffic.ts writes it: u32 magic, u32 groups; then per group u32 offset, u32 size of
// each message, u32 messages; then the bytes. The messages of a group follow each other. Little endian.
#define TRAFFIC_MAGIC 0x31504953U // "SIP1"
typedef struct { uint32_t offset, size, count; } Group;
typedef struct { const char *bytes; const Group *groups; uint32_t group_count; } Traffic;

typedef struct {
  const char *target, *traffic;
  double rate, seconds, count, sources, first_source, first_message, burst, linger_ms;
  bool gso;
} Options;

static Traffic open_traffic(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat file;
  if (fd < 0 || fstat(fd, &file) != 0) die("%s: %s", path, strerror(errno));
  if (file.st_size < 20) die("%s holds no traffic", path);
  const char *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (bytes == MAP_FAILED) die("%s: %s", path, strerror(errno));
  close(fd);
  uint32_t head[2];
  memcpy(head, bytes, sizeof head);
  const Group *groups = (const Group *)(const void *)(bytes + sizeof head);
  uint64_t size = (uint64_t)file.st_size;
  if (head[0] != TRAFFIC_MAGIC || head[1] == 0 || sizeof head + (uint64_t)head[1] * sizeof *groups > size)
    die("%s holds no traffic", path);
  for (uint32_t i = 0; i < head[1]; i++) {
    uint64_t group_size = (uint64_t)groups[i].size * groups[i].count;
    if (group_size == 0 || groups[i].count > BATCH_COUNT || group_size > UDP_PAYLOAD_SIZE_MAX || groups[i].offset + group_size > size)
      die("%s: group %u is not whole", path, i);
  }
  return (Traffic){.bytes = bytes, .groups = groups, .group_count = head[1]};
}

// 127.1.0.1 and on: none of the addresses that others use (127.0.0.0/16), none that ends in 0 or 251–255.
static uint32_t source_address(uint64_t i) {
  return htonl((uint32_t)(127U << 24 | (1 + i / 64000) << 16 | (i / 250 % 256) << 8 | (1 + i % 250)));
}

static int open_socket(int family) {
  int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
  struct sock_fprog refuse_all = {.len = 1, .filter = &none};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &refuse_all, sizeof refuse_all) != 0)
    die("SO_ATTACH_FILTER: %s", strerror(errno));
  struct sockaddr_storage any = {.ss_family = (sa_family_t)family}; // replies find it whichever address they go to
  socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (bind(fd, (struct sockaddr *)&any, size) != 0) die("bind: %s", strerror(errno));
  return fd;
}

// The ancillary data of a send: the source, and the size at which the kernel cuts.
typedef struct {
  union { char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))]; struct cmsghdr align; } buffer;
  struct in_pktinfo *packet;
  uint16_t *segment_size;
  size_t plain_size, full_size;
} Control;

static void prepare_control(Control *control, int family) {
  memset(control, 0, sizeof *control);
  struct msghdr msg = {.msg_control = control->buffer.bytes, .msg_controllen = sizeof control->buffer.bytes};
  struct cmsghdr *part = CMSG_FIRSTHDR(&msg);
  if (family == AF_INET) {
    *part = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo))};
    control->packet = (struct in_pktinfo *)(void *)CMSG_DATA(part);
    control->plain_size = CMSG_SPACE(sizeof(struct in_pktinfo));
    part = (struct cmsghdr *)(void *)(control->buffer.bytes + control->plain_size);
  }
  *part = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(uint16_t))};
  control->segment_size = (uint16_t *)(void *)CMSG_DATA(part);
  control->full_size = control->plain_size + CMSG_SPACE(sizeof(uint16_t));
}

typedef struct {
  int fd;
  struct sockaddr_storage target;
  socklen_t target_size;
  Control control;
  bool gso;
  uint64_t sent, errors;
} Sender;

static void fall_back(Sender *sender, const char *bytes, uint32_t size, uint32_t count) {
  static struct mmsghdr messages[BATCH_COUNT];
  static struct iovec parts[BATCH_COUNT];
  for (uint32_t i = 0; i < count; i++) {
    parts[i] = (struct iovec){.iov_base = (void *)(uintptr_t)(bytes + (size_t)i * size), .iov_len = size};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &sender->target, .msg_namelen = sender->target_size,
                                          .msg_iov = &parts[i], .msg_iovlen = 1,
                                          .msg_control = sender->control.plain_size ? sender->control.buffer.bytes : NULL,
                                          .msg_controllen = sender->control.plain_size};
  }
  for (uint32_t done = 0; done < count;) {
    int now = sendmmsg(sender->fd, messages + done, count - done, 0);
    if (now <= 0) sender->errors++;
    else sender->sent += (uint64_t)now;
    done += now <= 0 ? 1U : (uint32_t)now;
  }
}

static void send_some(Sender *sender, const char *bytes, uint32_t size, uint32_t count) {
  if (!sender->gso) {
    fall_back(sender, bytes, size, count);
    return;
  }
  struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)size * count};
  *sender->control.segment_size = (uint16_t)size;
  struct msghdr msg = {.msg_name = &sender->target, .msg_namelen = sender->target_size, .msg_iov = &part, .msg_iovlen = 1,
                       .msg_control = sender->control.buffer.bytes, .msg_controllen = sender->control.full_size};
  if (sendmsg(sender->fd, &msg, 0) >= 0) {
    sender->sent += count;
  } else if (errno == EIO || errno == EINVAL || errno == ENOPROTOOPT || errno == EOPNOTSUPP) {
    sender->gso = false; // this kernel or interface cuts none
    fall_back(sender, bytes, size, count);
  } else {
    sender->errors += count;
  }
}

static Options parse_options(int argc, char **argv) {
  Options o = {.sources = 1, .linger_ms = 500, .gso = true};
  static const struct option options[] = {
      {"target", required_argument, NULL, 't'},        {"traffic", required_argument, NULL, 'f'},
      {"rate", required_argument, NULL, 'r'},          {"seconds", required_argument, NULL, 's'},
      {"count", required_argument, NULL, 'n'},         {"sources", required_argument, NULL, 'S'},
      {"first-source", required_argument, NULL, 'F'},  {"first-message", required_argument, NULL, 'M'},
      {"burst", required_argument, NULL, 'b'},         {"linger", required_argument, NULL, 'l'},
      {"no-gso", no_argument, NULL, 'g'},              {0}};
  for (int flag; (flag = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (flag) {
    case 't': o.target = optarg; break;
    case 'f': o.traffic = optarg; break;
    case 'r': o.rate = parse_number("--rate", optarg, 1, 1e8); break;
    case 's': o.seconds = parse_number("--seconds", optarg, 0.001, 86400); break;
    case 'n': o.count = parse_number("--count", optarg, 1, 1e10); break;
    case 'S': o.sources = parse_number("--sources", optarg, 1, SOURCES_MAX); break;
    case 'F': o.first_source = parse_number("--first-source", optarg, 0, SOURCES_MAX); break;
    case 'M': o.first_message = parse_number("--first-message", optarg, 0, 1e10); break;
    case 'b': o.burst = parse_number("--burst", optarg, 1, BATCH_COUNT); break;
    case 'l': o.linger_ms = parse_number("--linger", optarg, 0, 60000); break;
    case 'g': o.gso = false; break;
    default: exit(EXIT_USAGE);
    }
  }
  if (o.target == NULL || o.traffic == NULL) die("--target and --traffic must be given");
  if (o.rate == 0 || (o.seconds == 0) == (o.count == 0)) die("--rate and one of --seconds and --count must be given");
  if (o.first_source + o.sources > SOURCES_MAX) die("there are only %g sources", SOURCES_MAX);
  // Half a millisecond of traffic at once, so that low rates come evenly and high ones cheaply.
  if (o.burst == 0) o.burst = o.rate / 2000 < 1 ? 1 : o.rate / 2000 > BATCH_COUNT ? BATCH_COUNT : o.rate / 2000;
  return o;
}

// Which messages come next: the groups in order, from `first` messages on.
typedef struct { const Traffic *traffic; uint32_t group, position; } Place;

static Place find_place(const Traffic *traffic, double first) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < traffic->group_count; i++) total += traffic->groups[i].count;
  uint64_t skip = (uint64_t)first % total;
  Place place = {.traffic = traffic};
  while (skip >= traffic->groups[place.group].count) skip -= traffic->groups[place.group++].count;
  place.position = (uint32_t)skip;
  return place;
}

static uint32_t take(Place *place, uint32_t wanted, const char **bytes, uint32_t *size) {
  const Group *group = &place->traffic->groups[place->group];
  uint32_t count = group->count - place->position < wanted ? group->count - place->position : wanted;
  *bytes = place->traffic->bytes + group->offset + (size_t)place->position * group->size;
  *size = group->size;
  place->position += count;
  if (place->position == group->count) {
    place->position = 0;
    place->group = (place->group + 1) % place->traffic->group_count;
  }
  return count;
}

static double run(Sender *sender, const Options *o, const Traffic *traffic) {
  Place place = find_place(traffic, o->first_message);
  uint64_t start = now_ns(), due_at = start, turn = 0;
  uint64_t ends_at = o->seconds > 0 ? start + (uint64_t)(o->seconds * 1e9) : UINT64_MAX;
  uint64_t left = o->count > 0 ? (uint64_t)o->count : UINT64_MAX;
  while (!stopping && left > 0) {
    uint64_t now = now_ns();
    if (now < due_at) {
      sleep_until(due_at > now + NAP_NS ? due_at : now + NAP_NS);
      now = now_ns();
    }
    if (now >= ends_at) break;
    if (now > due_at + DEBT_MAX_NS) due_at = now - DEBT_MAX_NS;
    const char *bytes;
    uint32_t size;
    uint32_t count = take(&place, left < (uint64_t)o->burst ? (uint32_t)left : (uint32_t)o->burst, &bytes, &size);
    if (sender->control.packet != NULL)
      sender->control.packet->ipi_spec_dst.s_addr = source_address((uint64_t)o->first_source + turn++ % (uint64_t)o->sources);
    send_some(sender, bytes, size, count);
    left -= count;
    due_at += (uint64_t)((double)count * 1e9 / o->rate);
  }
  return (double)(now_ns() - start) / 1e9;
}

// Waits for replies until each datagram has one, or none came for so long; how long after the last datagram they came.
static double await_replies(const Sender *sender, double linger_ms) {
  uint64_t quiet_ns = (uint64_t)(linger_ms * 1e6), start = now_ns();
  uint64_t last = socket_drops(sender->fd), changed_at = start;
  while (!stopping && last < sender->sent && now_ns() - changed_at < quiet_ns) {
    sleep_until(now_ns() + 10000000);
    uint64_t drops = socket_drops(sender->fd);
    if (drops != last) changed_at = now_ns();
    last = drops;
  }
  return (double)(changed_at - start) / 1e9;
}

int main(int argc, char **argv) {
  program_name = "load";
  Options o = parse_options(argc, argv);
  Sender sender = {.gso = o.gso};
  parse_target(o.target, &sender.target, &sender.target_size);
  int family = sender.target.ss_family;
  if (family == AF_INET6 && o.sources > 1) die("over IPv6 there is one source: ::1");
  Traffic traffic = open_traffic(o.traffic);
  obey_signals();
  setpriority(PRIO_PROCESS, 0, -10); // attackers share no processor with us: where it is allowed, keep to the pace
  sender.fd = open_socket(family);
  prepare_control(&sender.control, family);
  double seconds = run(&sender, &o, &traffic);
  double cpu = cpu_seconds();
  double drain = await_replies(&sender, o.linger_ms);
  printf("{\"sentCount\":%llu,\"repliedCount\":%llu,\"sendErrorCount\":%llu,\"seconds\":%.6f,\"drainSeconds\":%.6f,"
         "\"cpuSeconds\":%.6f,\"segmented\":%s}\n",
         (unsigned long long)sender.sent, (unsigned long long)socket_drops(sender.fd), (unsigned long long)sender.errors,
         seconds, drain, cpu, sender.gso ? "true" : "false");
  return 0;
}
