#include <algorithm>
#include <optional>

#include "formats/checked.h"
#include "src/memory/graph/graph.h"

namespace weigh::core {

namespace {

struct Block {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Where a tensor lies: buffers come in chunks where a device gives out no more at a time.
struct Address {
  std::size_t chunk = 0;
  std::uint64_t offset = 0;
};

// Free blocks in the order of their addresses; the last one reaches to the chunk's end.
class Chunk {
 public:
  explicit Chunk(std::uint64_t size) : blocks_{{0, size}} {}

  /// The smallest block that fits, but the last: the later of two equal ones.
  [[nodiscard]] std::optional<std::size_t> best(std::uint64_t size) const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
      if (blocks_[i].size >= size && (!found || blocks_[i].size <= blocks_[*found].size)) found = i;
    }
    return found;
  }

  /// The last block, where it is large enough.
  [[nodiscard]] const Block* last(std::uint64_t size) const {
    return !blocks_.empty() && blocks_.back().size >= size ? &blocks_.back() : nullptr;
  }
  [[nodiscard]] std::size_t last_number() const { return blocks_.size() - 1; }
  [[nodiscard]] std::uint64_t block_size(std::size_t block) const { return blocks_[block].size; }

  std::uint64_t take(std::size_t block, std::uint64_t size) {
    const std::uint64_t offset = blocks_[block].offset;
    blocks_[block].offset += size;
    blocks_[block].size -= size;
    if (blocks_[block].size == 0) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(block));
    high_water_ = std::max(high_water_, offset + size);
    return offset;
  }

  void give_back(std::uint64_t offset, std::uint64_t size) {
    const auto next = std::ranges::lower_bound(blocks_, offset, {}, &Block::offset);
    const auto at = blocks_.insert(next, {offset, size});
    merge(static_cast<std::size_t>(at - blocks_.begin()));
  }

  [[nodiscard]] std::uint64_t high_water() const { return high_water_; }

 private:
  void merge(std::size_t at) {
    if (at + 1 < blocks_.size() && blocks_[at].offset + blocks_[at].size == blocks_[at + 1].offset) {
      blocks_[at].size += blocks_[at + 1].size;
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at + 1));
    }
    if (at > 0 && blocks_[at - 1].offset + blocks_[at - 1].size == blocks_[at].offset) {
      blocks_[at - 1].size += blocks_[at].size;
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

  std::vector<Block> blocks_;
  std::uint64_t high_water_ = 0;
};

// The choice among blocks follows ggml's allocator (ggml/src/ggml-alloc.c, ggml_dyn_tallocr): the best fitting one of
// any chunk, the last of the later chunks first; the end of a chunk only when no other will do, where it grows least.
class FreeList {
 public:
  explicit FreeList(std::uint64_t largest_chunk) : largest_chunk_(largest_chunk) {}

  Address take(std::uint64_t size) {
    std::optional<std::size_t> chunk, block;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      if (const auto found = chunks_[i].best(size)) {
        chunk = i;
        block = found;
      }
    }
    if (!chunk) chunk = grows_least(size);
    if (!chunk) {
      const bool last = chunks_.size() + 1 == kMostChunks;
      chunks_.emplace_back(last ? kEndless : std::max(size, largest_chunk_));
      chunk = chunks_.size() - 1;
    }
    Chunk& from = chunks_[*chunk];
    return {*chunk, from.take(block.value_or(from.last_number()), size)};
  }

  void give_back(Address at, std::uint64_t size) {
    if (size != 0) chunks_[at.chunk].give_back(at.offset, size);
  }

  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const Chunk& chunk : chunks_) sum += chunk.high_water();
    return sum;
  }

 private:
  static constexpr std::size_t kMostChunks = 16;
  static constexpr std::uint64_t kEndless = UINT64_MAX / 2;

  // The chunk whose end leaves least unused, or else has to grow least.
  [[nodiscard]] std::optional<std::size_t> grows_least(std::uint64_t size) const {
    std::optional<std::size_t> found;
    std::int64_t best = INT64_MIN;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      const Block* last = chunks_[i].last(size);
      if (last == nullptr) continue;
      const auto unused = static_cast<std::int64_t>(chunks_[i].high_water() - last->offset - size);
      if ((best < 0 && unused > best) || (unused >= 0 && unused < best)) {
        best = unused;
        found = i;
      }
    }
    return found;
  }

  std::uint64_t largest_chunk_;
  std::vector<Chunk> chunks_;
};

// Walks the order once, gives each tensor its place when it is made and frees it behind its last reader
// (ggml/src/ggml-alloc.c, ggml_gallocr_alloc_graph_impl).
class Layout {
 public:
  Layout(const Graph& graph, const std::vector<BufferRule>& buffers)
      : graph_(graph), buffers_(buffers), states_(graph.tensors().size()) {
    for (const BufferRule& rule : buffers) free_.emplace_back(rule.largest_chunk);
  }

  std::vector<std::uint64_t> run() {
    for (const TensorId leaf : graph_.leaves()) allocate(leaf);
    for (const TensorId node : graph_.nodes()) {
      if (graph_.tensor(node).root != kOutside) ++state(graph_.tensor(node).root).views;
      for_each_source(node, [&](TensorId source) { ++state(source).readers; });
    }
    for (const TensorId node : graph_.nodes()) {
      allocate(node);
      for_each_source(node, [&](TensorId source) { release(source); });
    }
    std::vector<std::uint64_t> bytes;
    for (const FreeList& list : free_) bytes.push_back(list.bytes());
    return bytes;
  }

 private:
  struct State {
    Address at;
    std::int32_t readers = 0;
    std::int32_t views = 0;
    bool held = false;
  };

  State& state(TensorId id) { return states_[static_cast<std::size_t>(id)]; }

  template <typename Visit>
  void for_each_source(TensorId node, Visit visit) {
    for (const TensorId source : graph_.tensor(node).sources) {
      if (source == kOutside) return;
      visit(source);
    }
  }

  [[nodiscard]] std::size_t buffer(TensorId id) const { return static_cast<std::size_t>(graph_.tensor(id).buffer); }

  // Bounded by the free list's size: the last block is 2^63 bytes, and sizes were checked when tensors were made.
  [[nodiscard]] std::uint64_t padded(TensorId id) const {
    const GraphTensor& tensor = graph_.tensor(id);
    return checked_round_up(tensor.bytes, buffers_[buffer(id)].alignment).value_or(tensor.bytes);
  }

  void allocate(TensorId id) {
    const GraphTensor& tensor = graph_.tensor(id);
    if (tensor.outside || tensor.root != kOutside || state(id).held) return;
    state(id).held = true;
    if (works_in_place(tensor.op) && reuse_a_source(id)) return;
    state(id).at = free_[buffer(id)].take(padded(id));
  }

  // A view's bytes are never taken over, even by its only reader: ggml asks whether the source itself was given a
  // place, and a view never is.
  bool reuse_a_source(TensorId id) {
    for (const TensorId source : graph_.tensor(id).sources) {
      if (source == kOutside) return false;
      State& parent = state(source);
      if (!parent.held || buffer(source) != buffer(id) || graph_.tensor(source).output || !same_layout(id, source))
        continue;
      if (parent.readers != 1 || parent.views != 0) continue;
      parent.held = false;
      state(id).at = parent.at;
      return true;
    }
    return false;
  }

  [[nodiscard]] bool same_layout(TensorId a, TensorId b) const {
    const GraphTensor& x = graph_.tensor(a);
    const GraphTensor& y = graph_.tensor(b);
    return x.element == y.element && x.extent == y.extent && x.stride == y.stride;
  }

  void release(TensorId id) {
    State& own = state(id);
    --own.readers;
    if (own.readers != 0 || own.views != 0) return;
    const TensorId root = graph_.tensor(id).root;
    if (root == kOutside) return release_bytes(id);
    --state(root).views;
    if (state(root).views == 0 && state(root).readers == 0) release_bytes(root);
  }

  void release_bytes(TensorId id) {
    if (!state(id).held || graph_.tensor(id).output) return;
    state(id).held = false;
    free_[buffer(id)].give_back(state(id).at, padded(id));
  }

  const Graph& graph_;
  const std::vector<BufferRule>& buffers_;
  std::vector<State> states_;
  std::vector<FreeList> free_;
};

}  // namespace

std::vector<std::uint64_t> buffer_bytes(const Graph& graph, const std::vector<BufferRule>& buffers) {
  return Layout(graph, buffers).run();
}

std::uint64_t buffer_bytes(const Graph& graph, std::uint64_t alignment) {
  return buffer_bytes(graph, std::vector{BufferRule{.alignment = alignment}}).front();
}

}  // namespace weigh::core
