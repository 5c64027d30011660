// measure.cc: how long the device works on what, and libtorch's own trace.
#include <ATen/record_function.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <chrono>
#include <memory>

#include "scope.h"

namespace profiler = torch::autograd::profiler;

// On the CPU an op is done when its call returns, so a moment is the clock's; elsewhere it is an event in the stream.
struct gt_event {
  std::chrono::steady_clock::time_point clock;
  std::unique_ptr<c10::Event> device;
};

struct gt_span {
  at::RecordFunction record{at::RecordScope::USER_SCOPE};
};

GT_EXPORT gt_event *gt_event_new(gt_scope *s) {
  gt_event *made = nullptr;
  gt::run(s, [&] {
    auto e = std::make_unique<gt_event>();
    if (s->device.is_cpu()) {
      e->clock = std::chrono::steady_clock::now();
    } else {
      c10::impl::VirtualGuardImpl guard(s->device.type());
      e->device = std::make_unique<c10::Event>(s->device.type(), c10::EventFlag::BACKEND_DEFAULT);
      e->device->record(guard.getStream(s->device));
    }
    made = e.release();
  });
  return made;
}

GT_EXPORT void gt_event_free(gt_event *e) { delete e; }

GT_EXPORT int gt_event_between(gt_scope *s, gt_event *from, gt_event *to, double *ms) {
  return gt::run(s, [&] {
    gt::need_no_capture(s, "a time");
    if (!from->device || !to->device) {
      *ms = std::chrono::duration<double, std::milli>(to->clock - from->clock).count();
      return;
    }
    from->device->synchronize();
    to->device->synchronize();
    *ms = from->device->elapsedTime(*to->device);
  });
}

GT_EXPORT int gt_trace_start(gt_scope *s) {
  return gt::run(s, [&] {
    if (s->root->meter) throw gt::Error(GT_FAILED, "memory is being measured: libtorch tells one of them alone");
    using torch::profiler::impl::ActivityType;
    profiler::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
    std::set<ActivityType> activities{ActivityType::CPU};
    if (s->device.is_cuda()) activities.insert(ActivityType::CUDA);
    profiler::prepareProfiler(config, activities);
    profiler::enableProfiler(config, activities, {at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE});
  });
}

GT_EXPORT int gt_trace_stop(gt_scope *s, const char *path) {
  return gt::run(s, [&] {
    // libtorch 2.15 hands out a trace that is none, and reads from it.
    if (!torch::profiler::impl::profilerEnabled()) throw gt::Error(GT_FAILED, "no trace was started");
    profiler::disableProfiler()->save(path);
  });
}

GT_EXPORT gt_span *gt_span_new(gt_scope *s, const char *name) {
  gt_span *made = nullptr;
  gt::run(s, [&] {
    auto p = std::make_unique<gt_span>();
    p->record.before(std::string(name));
    made = p.release();
  });
  return made;
}

GT_EXPORT void gt_span_free(gt_span *p) { delete p; }
