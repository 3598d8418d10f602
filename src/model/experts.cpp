#include "src/model/experts.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "formats/checked.h"
#include "src/model/hyperparameters.h"

namespace weigh::core {

namespace {

// What the tensors of one block say of its experts.
struct ExpertLayer {
  std::uint32_t block = 0;
  std::int32_t layer = -1;
  std::vector<std::uint64_t> indices;  // sorted and distinct once all tensors are seen
  std::uint64_t stacked = 0;           // outermost dimension of stacked tensors
  bool stacked_differ = false;
  bool flattened = false;  // [experts * width, hidden]: the number is not in the shape
  bool router = false;
  bool shared = false;
  std::uint64_t router_rows = 0;
  std::uint64_t router_columns = 0;
  std::uint64_t count = 0;  // experts, once settled; 0 for a dense block
  bool prediction = false;
  SaturatingSum parameters;
  SaturatingSum bytes;
  SaturatingSum first_group;  // of `parameters`, where the experts come in groups
};

// What the keys or the config say. Lists are per layer.
struct StatedExperts {
  std::optional<std::uint64_t> count;
  std::vector<std::uint64_t> used;
  std::optional<std::uint64_t> shared;
  std::vector<std::uint64_t> groups;  // numbered one behind the other: ERNIE's experts for text, then those for images

  [[nodiscard]] std::uint64_t in_groups() const {
    return std::accumulate(groups.begin(), groups.end(), std::uint64_t{0});
  }
};

// What config.json says beyond the numbers that GGUF has keys for.
void complete_from_config(const Hyperparameters& keys, StatedExperts& stated) {
  // A list of more is per group or per layer; only a layer's own number can tell. Larger ones are no numbers of
  // experts.
  const auto counts = keys.numbers("expert_count");
  if (counts.size() > 1) {
    stated.count = std::nullopt;
    const bool small = std::ranges::all_of(counts, [](std::uint64_t count) { return count <= UINT32_MAX; });
    if (small) stated.groups = counts;
  }
  if (stated.groups.size() == 2 && stated.used.size() == 2) stated.used.resize(1);
  const std::string_view family = keys.config().text({"model_type"});
  if (stated.used.empty() && family == "switch_transformers") stated.used = {1};  // by architecture, in no key
  if (stated.used.empty() && family == "nllb-moe") stated.used = {2};
  if (stated.shared) return;
  if (const auto width = keys.number("expert_shared_feed_forward_length")) stated.shared = *width > 0 ? 1 : 0;
}

StatedExperts stated_experts(const Checkpoint& checkpoint) {
  const Hyperparameters keys(checkpoint);
  StatedExperts stated;
  if (const auto counts = keys.numbers("expert_count"); !counts.empty()) stated.count = std::ranges::max(counts);
  stated.used = keys.numbers("expert_used_count");
  if (const auto shared = keys.numbers("expert_shared_count"); !shared.empty()) {
    stated.shared = std::ranges::max(shared);
  }
  if (!keys.gguf()) complete_from_config(keys, stated);
  return stated;
}

// A bare scale that is a parameter is Gemma 4's learned one per expert; it works for every token.
bool is_learned_scale(const TensorFacts& facts) {
  return facts.parameters > 0 && last_part(facts.tensor->name) == "scale";
}

void add_tensor(const ExpertName& name, const StatedExperts& stated, TensorFacts& facts, ExpertLayer& layer) {
  const Tensor& tensor = *facts.tensor;
  switch (name.part) {
    case ExpertPart::None: return;
    case ExpertPart::Shared: layer.shared = true; return;
    case ExpertPart::Router:
      if (tensor.shape.size() == 2) {
        layer.router_rows = tensor.shape[0];
        layer.router_columns = tensor.shape[1];
      }
      layer.router = true;
      return;
    case ExpertPart::Indexed:
      if (!name.chunk && (layer.indices.empty() || layer.indices.back() != name.index))
        layer.indices.push_back(name.index);
      if (!stated.groups.empty() && name.index < stated.groups.front()) layer.first_group.add(facts.parameters);
      break;
    case ExpertPart::Stacked:
      if (is_learned_scale(facts)) return;
      if (name.chunk || facts.parameters == 0) break;
      if (tensor.shape.size() >= 3) {
        layer.stacked_differ = layer.stacked_differ || (layer.stacked != 0 && layer.stacked != tensor.shape[0]);
        layer.stacked = std::max(layer.stacked, tensor.shape[0]);
      } else if (tensor.shape.size() == 2) {
        layer.flattened = true;
      }
      break;
  }
  facts.routed_expert = true;
  layer.parameters.add(facts.parameters);
  layer.bytes.add(tensor.bytes);
}

// All blocks with expert tensors in them, in the order they come.
std::vector<ExpertLayer> collect_layers(const ReadNames& names, const StatedExperts& stated,
                                        std::span<TensorFacts> facts) {
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> layer_of(names.blocks.size(), kNone);
  std::vector<ExpertLayer> layers;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const ReadName& name = names.tensors[i];
    if (name.expert.part == ExpertPart::None) continue;
    std::uint32_t& at = layer_of[name.block];
    if (at == kNone) {
      at = static_cast<std::uint32_t>(layers.size());
      ExpertLayer& layer = layers.emplace_back();
      layer.block = name.block;
      layer.layer = names.blocks[name.block].layer;
      layer.prediction = names.blocks[name.block].prediction;
    }
    add_tensor(name.expert, stated, facts[i], layers[at]);
  }
  for (ExpertLayer& layer : layers) {
    std::ranges::sort(layer.indices);
    layer.indices.erase(std::unique(layer.indices.begin(), layer.indices.end()), layer.indices.end());
  }
  return layers;
}

// Experts of one block: distinct numbers, else the stacked dimension, else (flattened) what the router or the config
// says.
void decide_count(ExpertLayer& layer, const StatedExperts& stated) {
  layer.count = std::max<std::uint64_t>(layer.indices.size(), layer.stacked);
  if (layer.count == 0 && layer.flattened) layer.count = layer.router ? layer.router_rows : stated.count.value_or(0);
  // Jamba keeps its dense layers as the one expert of a layer without a router.
  if (layer.count == 1 && !layer.router) layer.count = 0;
}

// One finding per kind of oddity, however many layers show it.
struct LayerRemark {
  std::uint64_t layers = 0;
  std::string first;

  void add(std::int32_t layer, const std::string& what) {
    if (layers++ == 0) first = layer < 0 ? what : fmt::format("layer {}: {}", layer, what);
  }
  void write(FindingCode code, Severity severity, std::vector<Finding>& findings) const {
    if (layers == 0) return;
    findings.emplace_back(code, severity,
                          layers == 1 ? first : fmt::format("{} (and {} layers more)", first, layers - 1));
  }
};

// The first number of 0 .. last that is not there.
std::optional<std::uint64_t> first_hole(std::span<const std::uint64_t> indices) {
  for (std::uint64_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != i) return i;
  }
  return std::nullopt;
}

void check_layers(std::span<const ExpertLayer> layers, const StatedExperts& stated, std::vector<Finding>& findings) {
  LayerRemark holes, routers, shapes;
  for (const ExpertLayer& layer : layers) {
    if (layer.count == 0) continue;
    if (const auto hole = first_hole(layer.indices)) {
      holes.add(layer.layer,
                fmt::format("expert {} is missing, experts up to {} are there", *hole, layer.indices.back()));
    } else if (layer.router_rows != 0 && layer.router_rows != layer.count && layer.router_columns != layer.count &&
               std::ranges::find(stated.groups, layer.router_rows) == stated.groups.end()) {
      routers.add(layer.layer,
                  fmt::format("{} experts, but the router chooses among {}", layer.count, layer.router_rows));
    }
    if (layer.stacked_differ) shapes.add(layer.layer, "stacked expert tensors of unlike numbers of experts");
  }
  holes.write(FindingCode::ExpertMissing, Severity::Warning, findings);
  routers.write(FindingCode::ExpertRouterMismatch, Severity::Warning, findings);
  shapes.write(FindingCode::ExpertShapeMismatch, Severity::Warning, findings);
}

std::uint64_t used_in(const ExpertLayer& layer, std::span<const std::uint64_t> used) {
  const auto index = static_cast<std::size_t>(std::max(layer.layer, 0));
  return used.size() > 1 && index < used.size() ? used[index] : used.front();
}

// routed * used / count, summed over the layers: docs/output.md 2.2. Of experts in groups a token uses
// those of its own group only; the first is text's.
struct Active {
  SaturatingSum all, prediction;
};
Active active_parameters(std::span<const ExpertLayer> layers, const StatedExperts& stated,
                         std::vector<Finding>& findings) {
  Active active;
  LayerRemark excess;
  for (const ExpertLayer& layer : layers) {
    if (layer.count == 0) continue;
    const bool grouped = !stated.groups.empty() && stated.in_groups() == layer.count;
    const std::uint64_t count = grouped ? std::max<std::uint64_t>(stated.groups.front(), 1) : layer.count;
    std::uint64_t k = used_in(layer, stated.used);
    if (k > count) excess.add(layer.layer, fmt::format("{} experts used of {}", k, count));
    k = std::min(k, count);
    const std::uint64_t works = scaled(grouped ? layer.first_group.value : layer.parameters.value, k, count);
    active.all.add(works);
    if (layer.prediction) active.prediction.add(works);
  }
  excess.write(FindingCode::ExpertUsedExcess, Severity::Warning, findings);
  return active;
}

std::uint64_t shared_experts(std::span<const ExpertLayer> layers, const StatedExperts& stated,
                             std::vector<Finding>& findings) {
  const bool present =
      std::ranges::any_of(layers, [](const ExpertLayer& layer) { return layer.count != 0 && layer.shared; });
  if (present) return std::max<std::uint64_t>(stated.shared.value_or(1), 1);
  if (stated.shared.value_or(0) != 0) {
    findings.emplace_back(FindingCode::ExpertSharedMismatch, Severity::Warning,
                          fmt::format("{} shared experts are stated, but no tensor belongs to any", *stated.shared));
  }
  return 0;
}

// Blocks that turned out dense have no routed tensors after all.
void unmark_dense(const ReadNames& names, std::span<TensorFacts> facts, std::span<const ExpertLayer> layers) {
  std::vector<bool> dense(names.blocks.size());
  bool any = false;
  for (const ExpertLayer& layer : layers) {
    if (layer.count != 0 || layer.bytes.value == 0) continue;
    dense[layer.block] = any = true;
  }
  for (std::size_t i = 0; any && i < facts.size(); ++i) {
    if (dense[names.tensors[i].block]) facts[i].routed_expert = false;
  }
}

}  // namespace

std::optional<Experts> find_experts(const Checkpoint& checkpoint, const ReadNames& names, std::span<TensorFacts> facts,
                                    std::vector<Finding>& findings) {
  const StatedExperts stated = stated_experts(checkpoint);
  std::vector<ExpertLayer> layers = collect_layers(names, stated, facts);
  for (ExpertLayer& layer : layers) decide_count(layer, stated);
  unmark_dense(names, facts, layers);

  Experts experts;
  SaturatingSum parameters, bytes, prediction;
  std::uint64_t fewest = UINT64_MAX;
  for (const ExpertLayer& layer : layers) {
    if (layer.count == 0) continue;
    ++experts.layers;
    experts.count = std::max(experts.count, layer.count);
    fewest = std::min(fewest, layer.count);
    parameters.add(layer.parameters.value);
    bytes.add(layer.bytes.value);
    if (layer.prediction) prediction.add(layer.parameters.value);
  }
  if (experts.layers == 0) return std::nullopt;
  experts.parameters = parameters.value;
  experts.bytes = bytes.value;
  experts.prediction_parameters = prediction.value;
  experts.shared = shared_experts(layers, stated, findings);
  check_layers(layers, stated, findings);
  if (stated.in_groups() == experts.count) experts.groups = stated.groups;
  if (fewest != experts.count) {
    findings.emplace_back(FindingCode::ExpertCountVaries, Severity::Note,
                          fmt::format("layers have from {} to {} experts", fewest, experts.count));
  }
  if (stated.count && *stated.count != experts.count) {
    findings.emplace_back(FindingCode::ExpertCountMismatch, Severity::Warning,
                          fmt::format("{} experts are stated, the tensors have {}: the tensors are believed",
                                      *stated.count, experts.count));
  }
  if (stated.used.empty() || std::ranges::max(stated.used) == 0) {
    findings.emplace_back(FindingCode::ExpertUsedUnknown, Severity::Note,
                          "no key says how many experts work on one token, so the active parameters are not known");
    return experts;
  }
  experts.used = std::ranges::max(stated.used);
  const Active active = active_parameters(layers, stated, findings);
  experts.active_parameters = active.all.value;
  experts.prediction_active_parameters = active.prediction.value;
  if (!experts.groups.empty()) {
    findings.emplace_back(
        FindingCode::ExpertGroups, Severity::Note,
        fmt::format("the experts come in groups of {}, a token uses one group only: active is counted for a "
                    "token of text, which uses the first",
                    fmt::join(experts.groups, " and ")));
  }
  return experts;
}

}  // namespace weigh::core
