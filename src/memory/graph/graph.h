#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
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

/// One node or leaf, as far as the place it takes is concerned.
struct GraphTensor {
  Element element = Element::F32;
  bool may_reuse = false;    ///< the operation may write over a source of the same layout
  bool input = false;        ///< a leaf that is given its place before any node
  bool output = false;       ///< never freed, never written over
  bool outside = false;      ///< a node whose result is in a cache or weight: takes no place
  bool placed = false;       ///< already part of the order
  TensorId root = kOutside;  ///< of a view: whose bytes it shows
  std::uint64_t offset = 0;  ///< of a view, in bytes from its root's start
  std::uint64_t bytes = 0;   ///< 0 for a view
  Extent extent{1, 1, 1, 1};
  Extent stride{};  ///< in bytes
  std::array<TensorId, 8> sources{kOutside, kOutside, kOutside, kOutside, kOutside, kOutside, kOutside, kOutside};
};

/// What an engine computes for one batch, reduced to sizes, order and who reads whom. Tensors are made first; `expand`
/// puts one of them, and before it what it needs, at the end of the order, as ggml_build_forward_expand does.
class Graph {
 public:
  TensorId input(Element element, Extent extent);
  /// A new tensor that never shares a source's bytes.
  TensorId fresh(Extent extent, std::initializer_list<TensorId> sources, Element element = Element::F32);
  /// Element by element on `a`, in its place where ggml allows it: add, mul, scale, activations, RMS norm, rope, soft
  /// max.
  TensorId in_place(TensorId a, TensorId b = kOutside);
  /// A product of a weight of `rows` rows with x.
  TensorId project(TensorId x, std::uint64_t rows);
  TensorId view(TensorId of, Extent extent, Extent stride, std::uint64_t offset);
  TensorId reshape(TensorId of, Extent extent);
  TensorId permute(TensorId of, std::array<int, 4> axes);
  TensorId transpose(TensorId of) { return permute(of, {1, 0, 2, 3}); }
  TensorId contiguous(TensorId of, Extent extent);
  TensorId contiguous(TensorId of) { return contiguous(of, tensor(of).extent); }
  /// A copy into a cache.
  TensorId store(std::initializer_list<TensorId> sources);

  void expand(TensorId tensor);
  void mark_output(TensorId tensor) { tensors_[static_cast<std::size_t>(tensor)].output = true; }

  [[nodiscard]] const GraphTensor& tensor(TensorId id) const { return tensors_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const std::vector<GraphTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<TensorId>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<TensorId>& leaves() const { return leaves_; }
  [[nodiscard]] bool is_contiguous(TensorId id) const;
  /// A tensor is larger than any machine's memory: no figure can be had from this graph.
  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  TensorId add(GraphTensor tensor, std::initializer_list<TensorId> sources);
  Extent packed(Element element, const Extent& extent, std::uint64_t& bytes);
  std::uint64_t product(std::uint64_t a, std::uint64_t b);

  std::vector<GraphTensor> tensors_;
  std::vector<TensorId> nodes_;
  std::vector<TensorId> leaves_;
  bool overflowed_ = false;
};

std::uint64_t element_bytes(Element element);

/// The bytes of the buffer that holds the graph's tensors when they are laid out one after the other by lifetime, as
/// ggml's graph allocator does for one device: the best fitting free block, in place where the operation allows it,
/// each start a multiple of `alignment`. Meaningless for a graph that overflowed.
std::uint64_t buffer_bytes(const Graph& graph, std::uint64_t alignment);

}  // namespace weigh::core
