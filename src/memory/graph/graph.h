#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// A tensor of a compute graph: its number in the Graph that made it.
using TensorId = std::int32_t;

/// More nodes than any model's graph has; headers that ask for more are not followed.
inline constexpr std::uint64_t kMaxNodes = std::uint64_t{1} << 18;

/// Stands for what lies outside of the compute buffer: weights, caches, a part that is not there.
inline constexpr TensorId kOutside = -1;

/// Dimensions, innermost first, as ggml counts them.
using Extent = std::array<std::uint64_t, 4>;

enum class Element : std::uint8_t { F16, F32, I32, I64 };

/// ggml's operations, by ggml's names. Those with many kinds have one name each here, as its graphs print them.
enum class Op : std::uint8_t {
  Input,
  Cache,  ///< a leaf outside of the buffer that nodes read
  View,   ///< also reshape, permute and transpose
#define GRAPH_OP(op, name, in_place) op,
#include "src/memory/graph/ops.inc"
#undef GRAPH_OP
};

/// As ggml spells it: "mul_mat".
std::string_view op_name(Op op);

/// One node or leaf, as far as the place it takes is concerned.
struct GraphTensor {
  Op op = Op::View;
  Element element = Element::F32;
  bool output = false;            ///< never freed, never written over
  bool outside = false;           ///< a node whose result is in a cache or weight: takes no place
  bool placed = false;            ///< already part of the order
  std::int8_t buffer = 0;         ///< which of several buffers it lies in
  std::int32_t layer = kOutside;  ///< the block that it was made for; kOutside before the first and behind the last
  TensorId root = kOutside;       ///< of a view: whose bytes it shows
  std::uint64_t offset = 0;       ///< of a view, in bytes from its root's start
  std::uint64_t bytes = 0;        ///< 0 for a view
  Extent extent{1, 1, 1, 1};
  Extent stride{};  ///< in bytes
  std::string_view
      weight{};  ///< the tensor of the file that it reads, without "blk.N." and ".weight"; or an input's name
  std::array<TensorId, 10> sources{kOutside, kOutside, kOutside, kOutside, kOutside,
                                   kOutside, kOutside, kOutside, kOutside, kOutside};

  [[nodiscard]] bool input() const { return op == Op::Input; }
};

/// What an engine computes for one batch, reduced to sizes, order and who reads whom. Tensors are made first; `expand`
/// puts one of them, and before it what it needs, at the end of the order, as ggml_build_forward_expand does.
class Graph {
 public:
  /// A leaf that is given its place before any node.
  TensorId input(std::string_view name, Element element, Extent extent);
  /// What a cache holds for the layer at hand, as nodes read it.
  TensorId cache(std::string_view name, std::uint64_t bytes);
  /// A new tensor of any operation. Sources that are kOutside are left out.
  TensorId make(Op op, Extent extent, std::initializer_list<TensorId> sources, Element element = Element::F32,
                std::string_view weight = {});
  /// A tensor of the first source's extent and elements.
  TensorId like(Op op, TensorId a, TensorId b = kOutside, std::string_view weight = {});
  /// The same for a source and a weight: a bias, a scale, one norm's weight.
  TensorId with_weight(Op op, TensorId a, std::string_view weight) { return like(op, a, kOutside, weight); }
  /// A product of a weight of `rows` rows with x.
  TensorId mul_mat(std::string_view weight, TensorId x, std::uint64_t rows);
  /// A product of two tensors: of a's rows with b's.
  TensorId mul_mat(TensorId a, TensorId b);
  TensorId add(TensorId a, TensorId b) { return like(Op::Add, a, b); }
  TensorId mul(TensorId a, TensorId b) { return like(Op::Mul, a, b); }
  TensorId unary(Op op, TensorId a) { return like(op, a); }
  /// The rows of `table` that `rows` picks.
  TensorId get_rows(TensorId table, TensorId rows);
  /// One after the other along an axis.
  TensorId concat(TensorId a, TensorId b, std::size_t axis);
  TensorId sum_rows(TensorId a);
  TensorId argsort(TensorId a) { return make(Op::Argsort, tensor(a).extent, {a}, Element::I32); }
  TensorId as_f16(TensorId a) { return make(Op::Cpy, tensor(a).extent, {a}, Element::F16); }

  TensorId view(TensorId of, Extent extent, Extent stride, std::uint64_t offset);
  TensorId reshape(TensorId of, Extent extent);
  TensorId permute(TensorId of, std::array<int, 4> axes);
  TensorId transpose(TensorId of) { return permute(of, {1, 0, 2, 3}); }
  /// Columns `first` to `first + count` of each row.
  TensorId columns(TensorId of, std::uint64_t first, std::uint64_t count);
  TensorId cont(TensorId of, Extent extent);
  TensorId cont(TensorId of) { return cont(of, tensor(of).extent); }
  /// `into` with `values` in the rows that `rows` names: its bytes are those of `into`.
  TensorId set_rows(TensorId into, TensorId values, TensorId rows);
  /// `a` with b added to it where it lies, which llama.cpp's graphs ask for by themselves.
  TensorId add_in_place(TensorId a, TensorId b);
  /// A copy into a cache.
  TensorId store(Op op, std::initializer_list<TensorId> sources);

  void expand(TensorId tensor);
  /// For a graph that is made of another's tensors: room for as many, one of them as it is, and its place at the end of
  /// the order.
  void reserve(std::size_t tensors);
  TensorId adopt(const GraphTensor& tensor, int buffer);
  void order(TensorId tensor) { nodes_.push_back(tensor); }
  void mark_output(TensorId tensor) { tensors_[static_cast<std::size_t>(tensor)].output = true; }
  /// The block that what follows is made for.
  void begin_layer(std::int32_t number) { layer_ = number; }

  [[nodiscard]] const GraphTensor& tensor(TensorId id) const { return tensors_[static_cast<std::size_t>(id)]; }
  /// By value: the next tensor that is made moves the others.
  [[nodiscard]] Extent extent(TensorId id) const { return tensor(id).extent; }
  [[nodiscard]] Extent stride(TensorId id) const { return tensor(id).stride; }
  [[nodiscard]] const std::vector<GraphTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<TensorId>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<TensorId>& leaves() const { return leaves_; }
  [[nodiscard]] bool is_contiguous(TensorId id) const;
  /// A tensor is larger than any machine's memory: no figure can be had from this graph.
  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  /// A node whose result is in the bytes of another tensor.
  [[nodiscard]] GraphTensor over(Op op, TensorId of) const;
  TensorId append(GraphTensor tensor, std::span<const TensorId> sources);
  Extent packed(Element element, const Extent& extent, std::uint64_t& bytes);
  std::uint64_t product(std::uint64_t a, std::uint64_t b);

  std::vector<GraphTensor> tensors_;
  std::vector<TensorId> nodes_;
  std::vector<TensorId> leaves_;
  std::int32_t layer_ = kOutside;
  bool overflowed_ = false;
};

std::uint64_t element_bytes(Element element);

/// The order as text, a line for each node with its extents and sources: to hold it against the engine's own.
std::string listing(const Graph& graph);

/// The bytes of the buffer that holds the graph's tensors when they are laid out one after the other by lifetime, as
/// ggml's graph allocator does for one device: the best fitting free block, in place where the operation allows it,
/// each start a multiple of `alignment`. Meaningless for a graph that overflowed.
std::uint64_t buffer_bytes(const Graph& graph, std::uint64_t alignment);

/// How a memory gives out a buffer.
struct BufferRule {
  std::uint64_t alignment = 1;
  std::uint64_t largest_chunk = UINT64_MAX / 2;  ///< bytes that it gives out at a time
};

/// The same for a graph whose tensors lie in several buffers, by GraphTensor::buffer.
std::vector<std::uint64_t> buffer_bytes(const Graph& graph, const std::vector<BufferRule>& buffers);

/// Whether an operation may write over a source of the same layout (ggml/src/ggml-alloc.c, ggml_op_can_inplace).
bool works_in_place(Op op);

}  // namespace weigh::core
