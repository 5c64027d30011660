// gloo.cc: tensors on the CPU over processes, by libgotorch_gloo.so.
#include <dlfcn.h>

#include "comm.h"
#include "gloo/table.h"
#include "scope.h"

namespace {

// The library has a scope of its own, since what libtorch has of gloo under the same names is another revision.
#ifdef __SANITIZE_ADDRESS__
constexpr int alone = RTLD_LOCAL; // the sanitizer must see every call of malloc, and refuses the rest
#else
constexpr int alone = RTLD_LOCAL | RTLD_DEEPBIND;
#endif

const gt_gloo_table *gloo() {
  const std::string path = gt::own_folder() + "/libgotorch_gloo.so";
  void *library = dlopen(path.c_str(), RTLD_NOW | alone);
  if (!library) throw gt::Error(GT_FAILED, dlerror());
  auto table = reinterpret_cast<const gt_gloo_table *(*)()>(dlsym(library, "gotorch_gloo_table"));
  if (!table) throw gt::Error(GT_FAILED, path + " has no gotorch_gloo_table");
  return table();
}

class Gloo final : public gt::Peers {
 public:
  Gloo(const char *host, int rank, int size, int64_t timeout_ms)
      : table_(gloo()), gloo_(table_->open(host, rank, size, timeout_ms, why_, sizeof why_), table_->close) {
    if (!gloo_) throw gt::Error(GT_FAILED, why_);
  }

  std::string word() override {
    size_t length;
    const char *address = table_->address(gloo_.get(), &length);
    return {address, length};
  }

  void join(const std::vector<std::string_view> &words) override {
    std::vector<const char *> addresses;
    std::vector<size_t> lengths;
    for (std::string_view w : words) {
      addresses.push_back(w.data());
      lengths.push_back(w.size());
    }
    need(table_->join(gloo_.get(), addresses.data(), lengths.data(), why_, sizeof why_));
  }

  void sum(const at::Tensor &t) override {
    need_cpu(t);
    int dtype = -1;
    for (int code : {GT_FLOAT32, GT_FLOAT64, GT_INT64, GT_INT32})
      if (gt::dtype(code) == t.scalar_type()) dtype = code;
    need(table_->sum(gloo_.get(), t.mutable_data_ptr(), t.numel(), dtype, why_, sizeof why_));
  }

  void broadcast(const at::Tensor &t, int root) override {
    need_cpu(t);
    need(table_->broadcast(gloo_.get(), t.mutable_data_ptr(), t.nbytes(), root, why_, sizeof why_));
  }

  void check() override {} // a call that waits sees by itself that a peer is lost

  void abort() noexcept override { table_->abort(gloo_.get()); }

 private:
  void need(int code) {
    if (code != GT_OK) throw gt::Error(code, why_);
  }
  static void need_cpu(const at::Tensor &t) {
    if (!t.is_cpu()) throw gt::Error(GT_FAILED, "gloo carries tensors of the CPU: this one is on " + t.device().str());
  }

  char why_[512] = "";
  const gt_gloo_table *table_;
  std::unique_ptr<gt_gloo, void (*)(gt_gloo *)> gloo_;
};

}  // namespace

std::shared_ptr<gt::Peers> gt::new_gloo(const char *host, int rank, int size, int64_t timeout_ms) {
  return std::make_shared<Gloo>(host, rank, size, timeout_ms);
}
