// gloo.cc: libgotorch_gloo.so, sums over processes in the host's memory, by the system's gloo.
//
// libtorch_cpu.so has a gloo in it as well, of another revision and without headers. The two share the names of their
// symbols, so that this library is opened with a scope of its own (RTLD_LOCAL, RTLD_DEEPBIND), and includes no header of
// gloo's with an inline variable, which the loader would make one for the whole process.
#include "table.h"

#include <gloo/allreduce.h>
#include <gloo/broadcast.h>
#include <gloo/common/error.h>
#include <gloo/context.h>
#include <gloo/transport/context.h>
#include <gloo/transport/tcp/device.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

using std::chrono::milliseconds;

// Keeps the signal of a write to a peer that is gone from the threads made meanwhile: on one that is not Go's it would end the
// process. Gloo looks at errno.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  ~NoPipeSignal() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoPipeSignal(const NoPipeSignal &) = delete;
  NoPipeSignal &operator=(const NoPipeSignal &) = delete;

 private:
  sigset_t before_;
};

// Every process connected to every other, as gloo::rendezvous::Context has it, whose connectFullMesh exchanges addresses
// through a store that it calls. Here the caller exchanges them between two calls.
class Mesh : public gloo::Context {
 public:
  Mesh(const char *host, int rank, int size, milliseconds timeout) : Context(rank, size) {
    setTimeout(timeout);
    device_ = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr(host));
    transportContext_ = device_->createContext(rank, size);
    transportContext_->setTimeout(std::max(timeout / 5, milliseconds(1))); // a pair waits five times as long to be connected
    for (int i = 0; i < size; i++) {
      if (i == rank) continue;
      const std::vector<char> bytes = transportContext_->createPair(i)->address().bytes();
      length_ = bytes.size();
      address_.append(bytes.begin(), bytes.end());
    }
  }

  const std::string &address() const { return address_; }

  void connect(const char *const *addresses, const size_t *lengths) {
    for (int i = 0; i < size; i++) {
      if (i == rank) continue;
      if (lengths[i] != address_.size())
        throw std::runtime_error("the addresses of rank " + std::to_string(i) + " are of another gloo, or another kind of machine");
      const char *mine = addresses[i] + (rank < i ? rank : rank - 1) * length_; // i has none of itself
      transportContext_->getPair(i)->connect(std::vector<char>(mine, mine + length_));
    }
  }

  // Ends the wait of every thread, and every connection. Gloo does so where a wait is too long; this one is for nothing.
  void hang_up() noexcept {
    try {
      char nothing = 0;
      transportContext_->createUnboundBuffer(&nothing, 1)->waitRecv(nullptr, milliseconds(1));
    } catch (const std::exception &) { // as it must
    }
  }

 private:
  std::string address_;
  size_t length_ = 0;
};

template <class T>
void add(void *sum, const void *a, const void *b, size_t n) {
  T *to = static_cast<T *>(sum);
  const T *x = static_cast<const T *>(a), *y = static_cast<const T *>(b);
  for (size_t i = 0; i < n; i++) to[i] = x[i] + y[i];
}

template <class T>
void set(gloo::AllreduceOptions &options, void *data, size_t count) {
  options.setOutput(static_cast<T *>(data), count);
  options.setReduceFunction(add<T>);
}

// Messages meet by their tag. Gloo writes beyond a buffer's end, or ends the process, where a peer sends more than was
// expected: so ranks that do not ask for the same never meet, and wait until it is too long.
uint32_t tag(uint64_t kind, uint64_t size) {
  uint64_t x = (size << 8 | kind) * 0x9E3779B97F4A7C15u;
  return static_cast<uint32_t>(x >> 32 ^ x >> 8);
}

// Gloo's texts begin with the place in its source.
const char *without_place(const char *text) {
  const char *end = text[0] == '[' ? std::strstr(text, "] ") : nullptr;
  return end ? end + 2 : text;
}

}  // namespace

struct gt_gloo {
  std::shared_ptr<Mesh> mesh;
  std::string lost; // why nothing goes any more
  std::atomic<bool> aborted = false;

  // Runs f; once it failed, the ranks are no longer at the same place, and every later call fails as it did.
  template <class F>
  int run(char *why, size_t room, F &&f) noexcept {
    int code = GT_PEER;
    try {
      if (!lost.empty()) throw gloo::IoException(lost);
      try {
        f();
        return GT_OK;
      } catch (...) {
        mesh->hang_up();
        throw;
      }
    } catch (const gloo::IoException &e) {
      lost = aborted ? "it was given up" : without_place(e.what());
    } catch (const std::exception &e) {
      lost = without_place(e.what());
      code = GT_FAILED;
    }
    std::snprintf(why, room, "%s", lost.c_str());
    return code;
  }
};

namespace {

gt_gloo *open(const char *host, int rank, int size, int64_t timeout_ms, char *why, size_t room) {
  try {
    NoPipeSignal quiet; // gloo's thread begins here
    auto g = std::make_unique<gt_gloo>();
    g->mesh = std::make_shared<Mesh>(host, rank, size, milliseconds(timeout_ms));
    return g.release();
  } catch (const std::exception &e) {
    std::snprintf(why, room, "%s", without_place(e.what()));
    return nullptr;
  }
}

const char *address(const gt_gloo *g, size_t *length) {
  *length = g->mesh->address().size();
  return g->mesh->address().data();
}

int join(gt_gloo *g, const char *const *addresses, const size_t *lengths, char *why, size_t room) {
  return g->run(why, room, [&] { g->mesh->connect(addresses, lengths); });
}

int sum(gt_gloo *g, void *data, size_t count, int dtype, char *why, size_t room) {
  return g->run(why, room, [&] {
    gloo::AllreduceOptions options(g->mesh);
    options.setAlgorithm(gloo::AllreduceOptions::Algorithm::RING); // each part is summed by one rank: the bits are the same on all
    switch (dtype) {
      case GT_FLOAT32: set<float>(options, data, count); break;
      case GT_FLOAT64: set<double>(options, data, count); break;
      case GT_INT64: set<int64_t>(options, data, count); break;
      case GT_INT32: set<int32_t>(options, data, count); break;
      default: throw std::runtime_error("gloo sums float32, float64, int64 and int32 alone");
    }
    options.setTag(tag(dtype, count));
    gloo::allreduce(options);
  });
}

int broadcast(gt_gloo *g, void *data, size_t bytes, int root, char *why, size_t room) {
  return g->run(why, room, [&] {
    gloo::BroadcastOptions options(g->mesh);
    options.setOutput(static_cast<char *>(data), bytes);
    options.setRoot(root);
    options.setTag(tag(root, bytes));
    gloo::broadcast(options);
  });
}

void abort(gt_gloo *g) {
  g->aborted = true;
  g->mesh->hang_up();
}

void close(gt_gloo *g) { delete g; }

const gt_gloo_table table = {open, address, join, sum, broadcast, abort, close};

}  // namespace

extern "C" __attribute__((visibility("default"))) const gt_gloo_table *gotorch_gloo_table() { return &table; }
