#include "src/memory/graph/graph.h"

#include <algorithm>

#include "formats/checked.h"

namespace weigh::core {

namespace {

// 16 TiB: no tensor of a graph comes near, and as many as kMaxNodes of them still add up in 64 bits.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44;

}  // namespace

std::uint64_t element_bytes(Element element) {
  constexpr std::array<std::uint64_t, 4> kBytes{2, 4, 4, 8};
  return kBytes[static_cast<std::size_t>(element)];
}

std::uint64_t Graph::product(std::uint64_t a, std::uint64_t b) {
  const auto result = checked_mul(a, b);
  overflowed_ = overflowed_ || !result;
  return result.value_or(0);
}

Extent Graph::packed(Element element, const Extent& extent, std::uint64_t& bytes) {
  Extent stride{};
  bytes = element_bytes(element);
  for (std::size_t i = 0; i < extent.size(); ++i) {
    stride[i] = bytes;
    bytes = product(bytes, extent[i]);
  }
  if (bytes > kMaxBytes) {
    overflowed_ = true;
    bytes = 0;
  }
  return stride;
}

TensorId Graph::add(GraphTensor tensor, std::initializer_list<TensorId> sources) {
  std::size_t next = 0;
  for (const TensorId source : sources) {
    if (source != kOutside) tensor.sources[next++] = source;
  }
  tensors_.push_back(tensor);
  return static_cast<TensorId>(tensors_.size() - 1);
}

TensorId Graph::input(Element element, Extent extent) {
  GraphTensor tensor{.element = element, .input = true, .extent = extent};
  tensor.stride = packed(element, extent, tensor.bytes);
  return add(tensor, {});
}

TensorId Graph::fresh(Extent extent, std::initializer_list<TensorId> sources, Element element) {
  GraphTensor tensor{.element = element, .extent = extent};
  tensor.stride = packed(element, extent, tensor.bytes);
  return add(tensor, sources);
}

TensorId Graph::in_place(TensorId a, TensorId b) {
  const TensorId result = fresh(tensor(a).extent, {a, b}, tensor(a).element);
  tensors_[static_cast<std::size_t>(result)].may_reuse = true;
  return result;
}

TensorId Graph::project(TensorId x, std::uint64_t rows) {
  Extent extent = tensor(x).extent;
  extent[0] = rows;
  return fresh(extent, {x});
}

TensorId Graph::view(TensorId of, Extent extent, Extent stride, std::uint64_t offset) {
  const GraphTensor& source = tensor(of);
  GraphTensor tensor{.element = source.element, .extent = extent, .stride = stride};
  tensor.root = source.root == kOutside ? of : source.root;
  tensor.offset = source.offset + offset;
  return add(tensor, {of});
}

TensorId Graph::reshape(TensorId of, Extent extent) {
  std::uint64_t bytes = 0;
  return view(of, extent, packed(tensor(of).element, extent, bytes), 0);
}

TensorId Graph::permute(TensorId of, std::array<int, 4> axes) {
  Extent extent{}, stride{};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    extent[static_cast<std::size_t>(axes[i])] = tensor(of).extent[i];
    stride[static_cast<std::size_t>(axes[i])] = tensor(of).stride[i];
  }
  return view(of, extent, stride, 0);
}

TensorId Graph::contiguous(TensorId of, Extent extent) { return fresh(extent, {of}, tensor(of).element); }

TensorId Graph::store(std::initializer_list<TensorId> sources) { return add({.outside = true}, sources); }

bool Graph::is_contiguous(TensorId id) const {
  const GraphTensor& t = tensor(id);
  std::uint64_t next = element_bytes(t.element);
  for (std::size_t i = 0; i < t.extent.size(); ++i) {
    if (t.extent[i] != 1 && t.stride[i] != next) return false;
    next *= t.extent[i];
  }
  return true;
}

// Depth first, sources from first to last, each tensor once. An explicit stack: a graph of many layers that nobody
// expanded on the way would be a recursion thousands of calls deep.
void Graph::expand(TensorId wanted) {
  struct Visit {
    TensorId id;
    std::size_t next;
  };
  std::vector<Visit> stack;
  const auto enter = [&](TensorId id) {
    GraphTensor& tensor = tensors_[static_cast<std::size_t>(id)];
    if (tensor.placed) return;
    tensor.placed = true;
    stack.push_back({id, 0});
  };
  enter(wanted);
  while (!stack.empty()) {
    Visit& top = stack.back();
    const GraphTensor& tensor = tensors_[static_cast<std::size_t>(top.id)];
    if (top.next < tensor.sources.size() && tensor.sources[top.next] != kOutside) {
      enter(tensor.sources[top.next++]);
      continue;
    }
    (tensor.input ? leaves_ : nodes_).push_back(top.id);
    stack.pop_back();
  }
}

}  // namespace weigh::core
