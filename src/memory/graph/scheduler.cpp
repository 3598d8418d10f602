#include "src/memory/graph/scheduler.h"

#include <algorithm>
#include <map>
#include <utility>

#include "formats/checked.h"

namespace weigh::core {

namespace {

constexpr int kNone = -1;

// Batches that are worth copying weights to a device for.
constexpr std::uint64_t kOffloadedBatch = 32;

// The span of a tensor's bytes; of a view with gaps more than its values.
std::uint64_t span_bytes(const GraphTensor& t) {
  if (t.op == Op::Cache) return t.bytes;
  std::uint64_t bytes = element_bytes(t.element);
  for (std::size_t i = 0; i < t.extent.size(); ++i) {
    if (t.extent[i] == 0) return 0;
    bytes = plus(bytes, checked_mul(t.extent[i] - 1, t.stride[i]).value_or(UINT64_MAX));
  }
  return bytes;
}

// Gives every tensor of a graph a backend.
class Assignment {
 public:
  Assignment(const Graph& graph, const GraphPlacement& placement)
      : graph_(graph),
        placement_(placement),
        backends_(graph.tensors().size(), kNone),
        weights_(graph.tensors().size(), kNone) {
    for (const TensorId leaf : graph.leaves()) backend(leaf) = placement.host();
    computed_.reserve(graph.nodes().size());
    for (const TensorId node : graph.nodes()) {
      backend(node) = by_what_it_reads(node);
      if (tensor(node).op != Op::View) computed_.push_back(node);
    }
    keep_norms_with_blocks();
    expand(true, false);
    expand(true, true);
    expand(false, false);
    expand(false, true);
    assign_the_rest();
  }

  [[nodiscard]] int of(TensorId id) const { return backends_[static_cast<std::size_t>(id)]; }
  /// Where the weight lies that a node reads; kNone of one that reads none.
  [[nodiscard]] int home_of_weight(TensorId node) const { return weights_[static_cast<std::size_t>(node)]; }

 private:
  int& backend(TensorId id) { return backends_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const GraphTensor& tensor(TensorId id) const { return graph_.tensor(id); }

  [[nodiscard]] int cache_of(std::int32_t layer) const {
    const auto number = static_cast<std::size_t>(layer);
    return layer >= 0 && number < placement_.caches.size() ? placement_.caches[number] : placement_.host();
  }

  // What lies in a buffer already decides, else the weight that it reads. Rope tables are too small to.
  [[nodiscard]] int by_what_it_reads(TensorId id) {
    const GraphTensor& t = tensor(id);
    if (t.outside) return cache_of(t.layer);
    if (t.root != kOutside || t.weight.empty() || t.op == Op::Rope) return kNone;
    const int home = weights_[static_cast<std::size_t>(id)] = placement_.weight(t.layer, t.weight);
    if (home != placement_.host() || !worth_copying(t)) return home;
    for (int device = 0; device < placement_.host(); ++device) {
      if (supported(id, device)) return device;
    }
    return home;
  }

  static bool worth_copying(const GraphTensor& t) {
    const std::uint64_t batch = t.op == Op::MulMatId ? t.extent[2] : t.extent[1];
    return t.op != Op::GetRows && batch >= kOffloadedBatch;
  }

  [[nodiscard]] bool supported(TensorId id, int on) const {
    if (on == placement_.host() || !placement_.largest_chunk) return true;
    const GraphTensor& t = tensor(id);
    const auto fits = [&](const GraphTensor& each) { return span_bytes(each) <= *placement_.largest_chunk; };
    return fits(t) &&
           std::ranges::all_of(t.sources, [&](TensorId source) { return source == kOutside || fits(tensor(source)); });
  }

  void keep_norms_with_blocks() {
    if (!placement_.all_on_devices) return;
    for (const TensorId node : graph_.nodes()) {
      const GraphTensor& t = tensor(node);
      if (t.layer >= 0 && (t.op == Op::RmsNorm || t.op == Op::Norm)) backend(node) = cache_of(t.layer);
    }
  }

  // Neighbours follow a node that has a backend: first the devices', which the host's do not stop.
  void expand(bool devices_only, bool upwards) {
    int current = kNone;
    const auto visit = [&](TensorId node) {
      int& own = backend(node);
      if (own != kNone) {
        current = devices_only && own == placement_.host() ? kNone : own;
      } else if (current != kNone && supported(node, current)) {
        own = current;
      }
    };
    if (upwards) {
      std::for_each(computed_.rbegin(), computed_.rend(), visit);
    } else {
      std::ranges::for_each(computed_, visit);
    }
  }

  void assign_the_rest() {
    for (const TensorId node : computed_) {
      if (backend(node) == kNone) backend(node) = best_supported(node);
    }
    for (const TensorId node : graph_.nodes()) {
      if (backend(node) == kNone && tensor(node).root != kOutside) backend(node) = home_of(tensor(node).root);
    }
  }

  // Where most of what it reads lies; the first of several.
  [[nodiscard]] int best_supported(TensorId node) const {
    int best = placement_.host();
    int most = kNone;
    for (int on = 0; on < placement_.backends; ++on) {
      if (!supported(node, on)) continue;
      const auto here = static_cast<int>(std::ranges::count_if(
          tensor(node).sources, [&](TensorId source) { return source != kOutside && home_of(source) == on; }));
      if (here > most) {
        most = here;
        best = on;
      }
    }
    return best;
  }

 public:
  /// Of a view what it shows, of a cache the block's.
  [[nodiscard]] int home_of(TensorId id) const {
    const TensorId shown = tensor(id).root == kOutside ? id : tensor(id).root;
    return tensor(shown).op == Op::Cache ? cache_of(tensor(shown).layer) : of(shown);
  }

 private:
  const Graph& graph_;
  const GraphPlacement& placement_;
  std::vector<int> backends_;
  std::vector<int> weights_;
  std::vector<TensorId> computed_;  // the nodes that are no views
};

// The graph once more, cut into parts, with the copies that each part reads before its nodes.
class Cutter {
 public:
  Cutter(const Graph& graph, const GraphPlacement& placement)
      : graph_(graph),
        placement_(placement),
        assignment_(graph, placement),
        moved_(graph.tensors().size(), kOutside),
        copied_(graph.tensors().size(), false),
        weight_copies_(graph.tensors().size(), kOutside) {
    result_.reserve(graph.tensors().size());
  }

  Graph cut() {
    for (const TensorId leaf : graph_.leaves()) take(leaf, assignment_.of(leaf));
    std::size_t begin = 0;
    while (begin < graph_.nodes().size()) begin = cut_part(begin);
    return std::move(result_);
  }

 private:
  [[nodiscard]] const GraphTensor& tensor(TensorId id) const { return graph_.tensor(id); }
  TensorId& moved(TensorId id) { return moved_[static_cast<std::size_t>(id)]; }

  void take(TensorId id, int backend) {
    GraphTensor copy = tensor(id);
    if (copy.root != kOutside) copy.root = moved(copy.root);
    moved(id) = result_.adopt(copy, backend);
  }

  [[nodiscard]] bool weight_is_elsewhere(TensorId node, int backend) const {
    const int home = assignment_.home_of_weight(node);
    return home != kNone && home != backend;
  }

  // The copy of a source on a backend; kOutside where there is none.
  [[nodiscard]] TensorId copy_on(int backend, TensorId source) const {
    if (!copied_[static_cast<std::size_t>(source)]) return kOutside;
    const auto known = copies_.find({source, backend});
    return known == copies_.end() ? kOutside : known->second;
  }

  // From `begin` to where another backend goes on, or where the copies of this part's weights may give way to those of
  // the next.
  std::size_t cut_part(std::size_t begin) {
    const auto& nodes = graph_.nodes();
    int backend = kNone;
    std::vector<TensorId> inputs;  // sources and, as the number before 0 of the node that reads it, weights
    std::size_t end = begin;
    for (; end < nodes.size(); ++end) {
      const TensorId node = nodes[end];
      if (tensor(node).op == Op::View) continue;
      const int own = assignment_.of(node);
      if (backend == kNone) backend = own;
      const bool weight = weight_is_elsewhere(node, backend);
      if (own != backend || (weight && !inputs.empty())) break;
      if (weight) inputs.push_back(-2 - node);  // each is read once
      for (const TensorId source : tensor(node).sources) {
        if (source == kOutside) break;
        if (assignment_.home_of(source) == backend) continue;
        if (copies_.try_emplace({source, backend}, kOutside).second) inputs.push_back(source);
      }
    }
    for (const TensorId what : inputs) copy_to(what, backend);
    for (std::size_t i = begin; i < end; ++i) place(nodes[i], backend);
    return end;
  }

  void copy_to(TensorId what, int backend) {
    GraphTensor copy{.op = Op::Cpy};
    if (what < kOutside) {
      const TensorId node = -2 - what;
      const GraphTensor& reader = tensor(node);
      copy.bytes = placement_.weight_bytes(reader.layer, reader.weight);
      copy.extent = {copy.bytes, 1, 1, 1};
      result_.order(weight_copies_[static_cast<std::size_t>(node)] = result_.adopt(copy, backend));
    } else {
      const GraphTensor& source = tensor(what);
      copy.element = source.element;
      copy.extent = source.extent;
      copy.stride = source.stride;
      copy.bytes = span_bytes(source);
      copy.sources.front() = adopted(what);  // it is there until it is copied
      copied_[static_cast<std::size_t>(what)] = true;
      result_.order(copies_[{what, backend}] = result_.adopt(copy, backend));
    }
  }

  // A view may be copied before its turn in the order comes.
  TensorId adopted(TensorId id) {
    if (moved(id) != kOutside || tensor(id).op != Op::View) return moved(id);
    GraphTensor copy = tensor(id);
    copy.root = moved(copy.root);
    for (TensorId& source : copy.sources) {
      if (source != kOutside) source = adopted(source);
    }
    return moved(id) = result_.adopt(copy, assignment_.of(id));
  }

  void place(TensorId node, int backend) {
    if (tensor(node).op == Op::View) return result_.order(adopted(node));
    GraphTensor copy = tensor(node);
    if (copy.root != kOutside) copy.root = moved(copy.root);
    std::size_t next = 0;
    const auto read = [&](TensorId source) {
      if (source != kOutside && next < copy.sources.size()) copy.sources[next++] = source;
    };
    copy.sources.fill(kOutside);
    for (const TensorId source : tensor(node).sources) {
      if (source == kOutside) break;
      const TensorId known = copy_on(backend, source);
      read(known == kOutside ? moved(source) : known);
    }
    read(weight_copies_[static_cast<std::size_t>(node)]);
    moved(node) = result_.adopt(copy, backend);
    result_.order(moved(node));
  }

  const Graph& graph_;
  const GraphPlacement& placement_;
  Assignment assignment_;
  std::vector<TensorId> moved_;
  std::map<std::pair<TensorId, int>, TensorId> copies_;  // of a source on a backend
  std::vector<bool> copied_;                             // to any of them
  std::vector<TensorId> weight_copies_;                  // by the node that reads it
  Graph result_;
};

}  // namespace

std::vector<std::uint64_t> split_buffer_bytes(const Graph& graph, const GraphPlacement& placement,
                                              std::uint64_t device_alignment, std::uint64_t host_alignment) {
  BufferRule device{.alignment = device_alignment};
  if (placement.largest_chunk) device.largest_chunk = *placement.largest_chunk;
  std::vector<BufferRule> buffers(static_cast<std::size_t>(placement.backends), device);
  buffers.back() = {.alignment = host_alignment};
  return buffer_bytes(Cutter(graph, placement).cut(), buffers);
}

}  // namespace weigh::core
