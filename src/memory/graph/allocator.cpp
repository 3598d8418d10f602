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

// Free blocks in the order of their addresses; the last one has no end. The choice among them follows ggml's allocator
// (ggml/src/ggml-alloc.c, ggml_dyn_tallocr): the smallest that fits, the later of two equal ones, and the endless last
// block only when no other will do.
class FreeList {
 public:
  std::uint64_t take(std::uint64_t size) {
    std::size_t best = blocks_.size() - 1;
    std::uint64_t best_size = UINT64_MAX;
    for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
      if (blocks_[i].size < size || blocks_[i].size > best_size) continue;
      best = i;
      best_size = blocks_[i].size;
    }
    const std::uint64_t offset = blocks_[best].offset;
    blocks_[best].offset += size;
    blocks_[best].size -= size;
    if (blocks_[best].size == 0) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(best));
    high_water_ = std::max(high_water_, offset + size);
    return offset;
  }

  void give_back(std::uint64_t offset, std::uint64_t size) {
    if (size == 0) return;
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

  std::vector<Block> blocks_{{0, UINT64_MAX / 2}};
  std::uint64_t high_water_ = 0;
};

// Walks the order once, gives each tensor its place when it is made and frees it behind its last reader
// (ggml/src/ggml-alloc.c, ggml_gallocr_alloc_graph_impl).
class Layout {
 public:
  Layout(const Graph& graph, const std::vector<std::uint64_t>& alignments)
      : graph_(graph), alignments_(alignments), states_(graph.tensors().size()), free_(alignments.size()) {}

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
    for (const FreeList& list : free_) bytes.push_back(list.high_water());
    return bytes;
  }

 private:
  struct State {
    std::uint64_t offset = 0;
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
    return checked_round_up(tensor.bytes, alignments_[buffer(id)]).value_or(tensor.bytes);
  }

  void allocate(TensorId id) {
    const GraphTensor& tensor = graph_.tensor(id);
    if (tensor.outside || tensor.root != kOutside || state(id).held) return;
    state(id).held = true;
    if (works_in_place(tensor.op) && reuse_a_source(id)) return;
    state(id).offset = free_[buffer(id)].take(padded(id));
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
      state(id).offset = parent.offset;
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
    free_[buffer(id)].give_back(state(id).offset, padded(id));
  }

  const Graph& graph_;
  const std::vector<std::uint64_t>& alignments_;
  std::vector<State> states_;
  std::vector<FreeList> free_;
};

}  // namespace

std::vector<std::uint64_t> buffer_bytes(const Graph& graph, const std::vector<std::uint64_t>& alignments) {
  return Layout(graph, alignments).run();
}

std::uint64_t buffer_bytes(const Graph& graph, std::uint64_t alignment) {
  return buffer_bytes(graph, std::vector{alignment}).front();
}

}  // namespace weigh::core
