#include "src/memory/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "formats/checked.h"

namespace weigh::core {

namespace {

// 16 TiB: no tensor of a graph comes near, and as many as kMaxNodes of them still add up in 64 bits.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44;

struct OpFacts {
  std::string_view name;
  bool in_place;
};

constexpr auto kOps = std::to_array<OpFacts>({
    {"input", false},
    {"cache", false},
    {"view", false},
#define GRAPH_OP(op, name, in_place) {name, in_place},
#include "src/memory/graph/ops.inc"
#undef GRAPH_OP
});

}  // namespace

std::string_view op_name(Op op) { return kOps[static_cast<std::size_t>(op)].name; }
bool works_in_place(Op op) { return kOps[static_cast<std::size_t>(op)].in_place; }

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

TensorId Graph::append(GraphTensor tensor, std::span<const TensorId> sources) {
  std::size_t next = 0;
  for (const TensorId source : sources) {
    if (source != kOutside) tensor.sources[next++] = source;
  }
  tensor.layer = layer_;
  tensors_.push_back(tensor);
  return static_cast<TensorId>(tensors_.size() - 1);
}

TensorId Graph::input(std::string_view name, Element element, Extent extent) {
  GraphTensor tensor{.op = Op::Input, .element = element, .extent = extent, .weight = name};
  tensor.stride = packed(element, extent, tensor.bytes);
  return append(tensor, {});
}

TensorId Graph::cache(std::string_view name, std::uint64_t bytes) {
  return append({.op = Op::Cache, .outside = true, .bytes = bytes, .weight = name}, {});
}

TensorId Graph::make(Op op, Extent extent, std::initializer_list<TensorId> sources, Element element,
                     std::string_view weight) {
  GraphTensor tensor{.op = op, .element = element, .extent = extent, .weight = weight};
  tensor.stride = packed(element, extent, tensor.bytes);
  return append(tensor, sources);
}

void Graph::reserve(std::size_t tensors) {
  tensors_.reserve(tensors);
  nodes_.reserve(tensors);
}

TensorId Graph::adopt(const GraphTensor& tensor, int buffer) {
  tensors_.push_back(tensor);
  tensors_.back().buffer = static_cast<std::int8_t>(buffer);
  const auto id = static_cast<TensorId>(tensors_.size() - 1);
  if (tensors_.back().input()) leaves_.push_back(id);
  return id;
}

TensorId Graph::like(Op op, TensorId a, TensorId b, std::string_view weight) {
  return make(op, extent(a), {a, b}, tensor(a).element, weight);
}

TensorId Graph::mul_mat(std::string_view weight, TensorId x, std::uint64_t rows) {
  Extent result = extent(x);
  result[0] = rows;
  return make(Op::MulMat, result, {x}, Element::F32, weight);
}

TensorId Graph::mul_mat(TensorId a, TensorId b) {
  Extent result = extent(b);
  result[0] = extent(a)[1];
  return make(Op::MulMat, result, {a, b});
}

TensorId Graph::get_rows(TensorId table, TensorId rows) {
  const Extent t = extent(table);
  const Extent r = extent(rows);
  return make(Op::GetRows, {t[0], r[0], r[1], r[2]}, {table, rows}, tensor(table).element);
}

TensorId Graph::concat(TensorId a, TensorId b, std::size_t axis) {
  Extent result = extent(a);
  result[axis] += extent(b)[axis];
  return make(Op::Concat, result, {a, b}, tensor(a).element);
}

TensorId Graph::sum_rows(TensorId a) {
  Extent result = extent(a);
  result[0] = 1;
  return make(Op::SumRows, result, {a});
}

TensorId Graph::view(TensorId of, Extent extent, Extent stride, std::uint64_t offset) {
  const GraphTensor& source = tensor(of);
  GraphTensor tensor{.element = source.element, .extent = extent, .stride = stride};
  tensor.root = source.root == kOutside ? of : source.root;
  tensor.offset = source.offset + offset;
  return append(tensor, std::array{of});
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

TensorId Graph::columns(TensorId of, std::uint64_t first, std::uint64_t count) {
  Extent part = extent(of);
  part[0] = count;
  return view(of, part, stride(of), product(first, element_bytes(tensor(of).element)));
}

TensorId Graph::cont(TensorId of, Extent extent) { return make(Op::Cont, extent, {of}, tensor(of).element); }

GraphTensor Graph::over(Op op, TensorId of) const {
  const GraphTensor& source = tensor(of);
  GraphTensor result{.op = op, .element = source.element, .extent = source.extent, .stride = source.stride};
  result.root = source.root == kOutside ? of : source.root;
  result.offset = source.offset;
  return result;
}

TensorId Graph::set_rows(TensorId into, TensorId values, TensorId rows) {
  return append(over(Op::SetRows, into), std::array{values, rows, into});
}

TensorId Graph::add_in_place(TensorId a, TensorId b) { return append(over(Op::Add, a), std::array{a, b}); }

TensorId Graph::store(Op op, std::initializer_list<TensorId> sources) {
  return append({.op = op, .outside = true}, sources);
}

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
    if (tensor.op != Op::Cache) (tensor.input() ? leaves_ : nodes_).push_back(top.id);
    stack.pop_back();
  }
}

std::string listing(const Graph& graph) {
  constexpr std::array<std::string_view, 4> kElements{"f16", "", "i32", "i64"};
  std::vector<std::size_t> numbers(graph.tensors().size());
  std::string text;
  auto out = std::back_inserter(text);
  std::size_t number = 0;
  for (const TensorId node : graph.nodes()) {
    const GraphTensor& t = graph.tensor(node);
    numbers[static_cast<std::size_t>(node)] = number;
    std::size_t last = t.extent.size();
    while (last > 1 && t.extent[last - 1] == 1) --last;
    fmt::format_to(out, "{} {} {}[{}]{}{}", number++, op_name(t.op), kElements[static_cast<std::size_t>(t.element)],
                   fmt::join(t.extent.begin(), t.extent.begin() + static_cast<std::ptrdiff_t>(last), ","),
                   t.outside || t.root != kOutside ? " view" : "", t.output ? " out" : "");
    std::string_view separator = " <- ";
    const auto add = [&](std::string_view source) {
      fmt::format_to(out, "{}{}", separator, source);
      separator = ", ";
    };
    if (!t.weight.empty()) add(std::string(t.weight) + ".weight:");
    for (const TensorId source : t.sources) {
      if (source == kOutside) break;
      const GraphTensor& s = graph.tensor(source);
      if (s.op == Op::Cache) continue;
      const std::string_view kind = s.weight.starts_with("leaf_") ? "" : ":in";  // a constant, or an input of the batch
      add(s.input() ? std::string(s.weight).append(kind) : std::to_string(numbers[static_cast<std::size_t>(source)]));
    }
    text += '\n';
  }
  return text;
}

}  // namespace weigh::core
