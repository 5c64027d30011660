// script.cc: networks as TorchScript: ours for programs without Forger and without their Python class, and those of others.
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <unordered_map>

#include "scope.h"

using gt::get;
using torch::jit::Module;

namespace {

// A tree of modules that grows as keys such as "main.0.weight" ask for it. Every module is a class of its own.
class Tree {
 public:
  Tree() : unit_(std::make_shared<torch::jit::CompilationUnit>()), root_(make("Network")) { at_.emplace("", root_); }

  void add(const std::string &key, const at::Tensor &value, bool buffer) {
    size_t dot = key.rfind('.');
    Module &owner = module(dot == std::string::npos ? "" : key.substr(0, dot));
    std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
    if (buffer)
      owner.register_buffer(name, value);
    else
      owner.register_parameter(name, value, /*is_buffer=*/false);
  }

  Module &root() { return root_; }

 private:
  Module make(const std::string &name) {
    Module made(c10::QualifiedName("__torch__.forger." + name), unit_, /*shouldMangle=*/true);
    made.register_attribute("training", c10::BoolType::get(), true); // as in Python: eval() sets it, torch.jit.freeze reads it
    return made;
  }

  Module &module(const std::string &path) {
    auto found = at_.find(path);
    if (found != at_.end()) return found->second;
    size_t dot = path.rfind('.');
    Module &parent = module(dot == std::string::npos ? "" : path.substr(0, dot));
    std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
    Module child = make("Part");
    parent.register_module(name, child);
    return at_.emplace(path, child).first->second;
  }

  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  Module root_;
  std::map<std::string, Module> at_;
};

} // namespace

GT_EXPORT int gt_script_save(gt_scope *s, const char *source, const char *const *keys, gt_tensor *const *tensors,
                             const int *buffers, int n, const char *path) {
  return gt::run(s, [&] {
    at::NoGradGuard quiet;
    Tree tree;
    for (int i = 0; i < n; i++)
      tree.add(keys[i], get(tensors[i]).detach().to(at::kCPU).contiguous().clone(), buffers[i] != 0);
    tree.root().define(source);
    tree.root().eval();
    // libtorch's own writer of files ends the process where the disk is full: its destructor throws.
    std::ostringstream made;
    tree.root().save(made);
    errno = 0;
    std::ofstream file(path, std::ios::binary);
    file << made.view();
    file.close();
    if (!file) throw gt::Error(GT_FAILED, std::string(path) + " cannot be written: " + std::strerror(errno));
  });
}

struct gt_script {
  Module module;
  std::unordered_map<std::string, c10::IValue> named; // what forward is given beside x
};

GT_EXPORT gt_script *gt_script_open(gt_scope *s, const char *path) {
  gt_script *made = nullptr;
  gt::run(s, [&] {
    auto opened = std::make_unique<gt_script>(gt_script{torch::jit::load(path, s->device), {}});
    opened->module.eval();
    for (const c10::Argument &a : opened->module.get_method("forward").function().getSchema().arguments())
      if (a.name() == "return_features") opened->named.emplace(a.name(), true);
    made = opened.release();
  });
  return made;
}

// The interpreter tells where in the module it failed, in many lines, of which the last says why; behind it some versions of libtorch
// list where they were in C++.
static c10::IValue forward(gt_script *m, const at::Tensor &x) {
  // Compiling for the shapes of a few batches costs more than it gains.
  torch::jit::GraphOptimizerEnabledGuard plain(false);
  try {
    return m->module.get_method("forward")({x}, m->named);
  } catch (const std::exception &e) {
    std::string why = e.what();
    for (const char *frames : {"\nException raised from ", "\nframe #"})
      why.erase(std::min(why.size(), why.find(frames)));
    why.erase(why.find_last_not_of(" \n") + 1);
    throw std::runtime_error(why.substr(why.rfind('\n') + 1));
  }
}

GT_EXPORT int gt_script_forward(gt_scope *s, gt_script *m, gt_tensor *x, gt_tensor **out, int most, int *n) {
  return gt::run(s, [&] {
    const c10::IValue y = forward(m, get(x));
    std::vector<at::Tensor> all;
    if (y.isTensor())
      all.push_back(y.toTensor());
    else if (y.isTensorList())
      all = y.toTensorVector();
    else if (y.isTuple())
      for (const c10::IValue &v : y.toTupleRef().elements()) all.push_back(v.toTensor());
    else
      throw gt::Error(GT_FAILED, "forward gives a " + y.tagKind() + ", and not a tensor or several");
    *n = static_cast<int>(all.size());
    for (int i = 0; i < std::min(*n, most); i++) out[i] = s->keep(all[i]);
  });
}

GT_EXPORT void gt_script_free(gt_script *m) { delete m; }
