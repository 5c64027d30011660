// upload.cc: batches of images or points that cross to the device on a stream of their own, while the scope's stream works.
#include <c10/core/Event.h>

#include <array>
#include <cstring>

#include "cuda_table.h"
#include "scope.h"

namespace {

// A batch on its way. On the CPU it stays in host, and there is nothing to wait for.
struct Slot {
  at::Tensor host, device; // uint8 [size]; host is pinned
  size_t sent = 0;         // bytes of the batch
  std::optional<c10::Event> copied, used;
};

} // namespace

struct gt_uploader {
  std::array<Slot, 2> slots;
  std::optional<c10::Stream> copies;
  uint64_t sent = 0, taken = 0;

  gt_uploader(const gt_scope *s, size_t size) {
    auto bytes = at::TensorOptions().dtype(at::kByte);
    bool cuda = s->device.is_cuda();
    if (cuda && !s->stream) throw gt::Error(GT_NO_CUDA, "the scope has no stream");
    for (Slot &slot : slots) {
      slot.host = at::empty({static_cast<int64_t>(size)}, bytes.pinned_memory(cuda));
      if (!cuda) continue;
      slot.device = at::empty({static_cast<int64_t>(size)}, bytes.device(s->device));
      slot.copied.emplace(s->device.type());
      slot.used.emplace(s->device.type());
      slot.used->record(*s->stream); // the memory may still serve who had it before
    }
    if (cuda) copies = gt::cuda()->stream(s->device.index());
  }

  ~gt_uploader() {
    for (Slot &slot : slots) {
      try {
        if (slot.copied) slot.copied->synchronize(); // its memory must not go before
      } catch (const std::exception &) { // the device has failed, and told so before
      }
    }
  }

  void send(const void *data, size_t size) {
    if (sent - taken == slots.size()) throw gt::Error(GT_FAILED, "two batches are on their way already: take one");
    Slot &slot = slots[sent % slots.size()];
    if (size > slot.host.nbytes())
      throw gt::Error(GT_FAILED, std::to_string(size) + " bytes, and there is room for " + std::to_string(slot.host.nbytes()));
    if (slot.copied) slot.copied->synchronize();
    std::memcpy(slot.host.data_ptr(), data, size);
    slot.sent = size;
    if (copies) {
      c10::StreamGuard guard(*copies);
      slot.used->block(*copies);
      auto n = static_cast<int64_t>(size);
      slot.device.narrow(0, 0, n).copy_(slot.host.narrow(0, 0, n), /*non_blocking=*/true);
      slot.copied->record(*copies);
    }
    sent++;
  }

  // The oldest batch, which must have size bytes, as make has it: a tensor with memory of its own.
  template <class F>
  at::Tensor take(const gt_scope *s, int64_t size, F &&make) {
    gt::need_no_capture(s, "a copy from the host");
    if (sent == taken) throw gt::Error(GT_FAILED, "no batch was sent");
    Slot &slot = slots[taken % slots.size()];
    if (static_cast<size_t>(size) != slot.sent)
      throw gt::Error(GT_FAILED, std::to_string(slot.sent) + " bytes were sent, and " + std::to_string(size) + " are asked for");
    if (copies) slot.copied->block(*s->stream);
    const at::Tensor &bytes = copies ? slot.device : slot.host;
    at::Tensor batch = make(bytes.narrow(0, 0, size));
    if (copies) slot.used->record(*s->stream);
    taken++;
    return batch;
  }
};

GT_EXPORT gt_uploader *gt_uploader_new(gt_scope *s, size_t size) {
  gt_uploader *made = nullptr;
  gt::run(s, [&] { made = new gt_uploader(s, size); });
  return made;
}

GT_EXPORT int gt_uploader_send(gt_scope *s, gt_uploader *u, const void *data, size_t size) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "a copy from the host");
    u->send(data, size);
  });
}

GT_EXPORT gt_tensor *gt_uploader_take(gt_scope *s, gt_uploader *u, int64_t n, int64_t h, int64_t w, int64_t c, int format) {
  return gt::result(s, [&] {
    return u->take(s, n * h * w * c, [&](const at::Tensor &bytes) { return gt::scaled(bytes.view({n, h, w, c}), format); });
  });
}

GT_EXPORT gt_tensor *gt_uploader_take_points(gt_scope *s, gt_uploader *u, int64_t n, int64_t d) {
  return gt::result(s, [&] {
    return u->take(s, n * d * static_cast<int64_t>(sizeof(float)),
                   [&](const at::Tensor &bytes) { return bytes.view(at::kFloat).view({n, d}).clone(); });
  });
}

GT_EXPORT void gt_uploader_free(gt_uploader *u) { delete u; }
