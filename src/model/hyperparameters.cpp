#include "src/model/hyperparameters.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "formats/checked.h"

namespace weigh::core {

namespace {

struct ConfigKey {
  std::string_view key;
  std::array<std::string_view, 10> names;
};

constexpr auto kConfigKeys = std::to_array<ConfigKey>({
#define KEY(key, ...) {key, {__VA_ARGS__}},
#include "src/model/config_keys.inc"
#undef KEY
});

static_assert(std::ranges::is_sorted(kConfigKeys, {}, &ConfigKey::key), "names_of() searches by halves");

// Empty for a key that config.json has no name for.
std::span<const std::string_view> names_of(std::string_view key) {
  const auto* row = std::ranges::lower_bound(kConfigKeys, key, {}, &ConfigKey::key);
  if (row == kConfigKeys.end() || row->key != key) return {};
  const auto end = std::ranges::find(row->names, std::string_view());
  return {row->names.begin(), static_cast<std::size_t>(end - row->names.begin())};
}

// `low_cycles` passes of the low stack and one of the high one make a cycle.
std::optional<LayerStacks> layer_stacks(std::optional<std::uint64_t> layers, std::optional<std::uint64_t> high_cycles,
                                        std::optional<std::uint64_t> low_cycles) {
  constexpr std::uint64_t kMaxFactor = 1U << 16U;
  const auto usual = [](std::optional<std::uint64_t> value) { return value && *value > 0 && *value <= kMaxFactor; };
  if (!usual(layers) || !usual(high_cycles) || !usual(low_cycles)) return std::nullopt;
  return LayerStacks{.layers = *layers,
                     .slots = *layers * *high_cycles * (*low_cycles + 1),
                     .high_cycles = *high_cycles,
                     .low_cycles = *low_cycles};
}

std::optional<std::uint64_t> first_of(const std::vector<std::uint64_t>& values) {
  return values.empty() ? std::nullopt : std::optional(values.front());
}

}  // namespace

ArchitectureKeys::ArchitectureKeys(const Checkpoint& checkpoint) {
  for (const ModelFile& file : checkpoint.files) {
    if (file.format != Format::Gguf) continue;
    const auto name = file.metadata.string("general.architecture");
    if (!name) continue;
    metadata_ = &file.metadata;
    name_ = *name;
    return;
  }
  if (!checkpoint.files.empty()) metadata_ = &checkpoint.files.front().metadata;
}

std::vector<std::uint64_t> ArchitectureKeys::numbers(std::string_view key) const {
  if (metadata_ == nullptr || name_.empty()) return {};
  return metadata_->unsigned_integers(full(key));
}

std::optional<std::uint64_t> ArchitectureKeys::number(std::string_view key) const { return first_of(numbers(key)); }

std::optional<double> ArchitectureKeys::real(std::string_view key) const {
  return metadata_ == nullptr ? std::nullopt : metadata_->number(full(key));
}

std::optional<bool> ArchitectureKeys::flag(std::string_view key) const {
  return metadata_ == nullptr ? std::nullopt : metadata_->boolean(full(key));
}

std::optional<std::string> ArchitectureKeys::text(std::string_view key) const { return general(full(key)); }

std::optional<std::string> ArchitectureKeys::general(std::string_view key) const {
  const auto value = metadata_ == nullptr ? std::nullopt : metadata_->string(key);
  return value && !value->empty() ? std::optional<std::string>(*value) : std::nullopt;
}

Hyperparameters::Hyperparameters(const Checkpoint& checkpoint)
    : gguf_(is_gguf(checkpoint)), keys_(checkpoint), config_(gguf_ ? nullptr : checkpoint.config.get()) {}

std::vector<std::uint64_t> Hyperparameters::numbers(std::string_view key) const {
  return gguf_ ? keys_.numbers(key) : config_numbers(key);
}

std::optional<std::uint64_t> Hyperparameters::number(std::string_view key) const { return first_of(numbers(key)); }

std::uint64_t Hyperparameters::number_or(std::string_view key, std::uint64_t fallback) const {
  return number(key).value_or(fallback);
}

std::optional<double> Hyperparameters::real(std::string_view key) const {
  if (gguf_) return keys_.real(key);
  for (const std::string_view name : names_of(key)) {
    if (config_.find({name}) != nullptr) return config_.real({name});
  }
  return std::nullopt;
}

std::optional<bool> Hyperparameters::flag(std::string_view key) const {
  if (gguf_) return keys_.flag(key);
  for (const std::string_view name : names_of(key)) {
    const auto* value = config_.find({name});
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
  }
  return std::nullopt;
}

std::optional<std::string> Hyperparameters::text(std::string_view key) const {
  if (gguf_) return keys_.text(key);
  for (const std::string_view name : names_of(key)) {
    if (config_.find({name}) == nullptr) continue;
    const std::string_view value = config_.text({name});
    return value.empty() ? std::nullopt : std::optional<std::string>(value);
  }
  return std::nullopt;
}

std::vector<std::uint64_t> Hyperparameters::listed(std::string_view key) const {
  for (const std::string_view name : names_of(key)) {
    auto values = config_.numbers({name});
    if (!values.empty()) return values;
  }
  return {};
}

std::vector<std::uint64_t> Hyperparameters::config_numbers(std::string_view key) const {
  // Falcon and StarCoder state their one KV head by a flag, beside a head count that means something else.
  if (key == "attention.head_count_kv" && config_.flag("multi_query") && !config_.flag("new_decoder_architecture")) {
    return {1};
  }
  // An expanded head of latent attention has a part that is rotated and one that is not.
  if (key == "attention.key_length_mla" || key == "attention.value_length_mla") {
    const auto plain = config_.number({"qk_nope_head_dim"});
    const auto rotated = config_.number({"qk_rope_head_dim"});
    if (!plain || !rotated) return {};
    if (key == "attention.value_length_mla") return listed(key);
    SaturatingSum sum{.value = *plain};
    sum.add(*rotated);
    return {sum.value};
  }
  // A word for each layer: "full" has keys of its own to pick cells by, the others share its choice.
  if (key == "attention.indexer.types") {
    std::vector<std::uint64_t> full;
    const auto* types = config_.find({"indexer_types"});
    if (types == nullptr || !types->is_array()) return {};
    for (const nlohmann::json& type : *types) full.push_back(type == "full" ? 1 : 0);
    return full;
  }
  // Qwen2 states a width and switches it off.
  if (key == "attention.sliding_window") {
    const auto* use = config_.find({"use_sliding_window"});
    if (use != nullptr && use->is_boolean() && !use->get<bool>()) return {0};
  }
  auto values = listed(key);
  if (key == "block_count") {
    if (const auto runs = stacks()) return {runs->slots};
    const auto* types = config_.find({"layers_block_type", "layer_types"});
    if (values.empty() && types != nullptr && types->is_array()) return {types->size()};
  }
  // Mixtral and its kin have one width, and it is the experts'; Llama 4 states the dense layers' apart.
  if (key == "expert_feed_forward_length" && (values.empty() || std::ranges::max(values) == 0)) {
    const auto experts = listed("expert_count");
    if (!experts.empty() && std::ranges::max(experts) > 0) return config_.numbers({"intermediate_size"});
  }
  return values;
}

std::vector<LayerType> Hyperparameters::layer_types() const {
  return gguf_ ? std::vector<LayerType>() : core::layer_types(config_, number_or("block_count", 0));
}

std::vector<std::uint64_t> Hyperparameters::sliding_layers() const {
  if (gguf_) {
    auto pattern = keys_.numbers("attention.sliding_window_pattern");
    return pattern.size() > 1 ? pattern : std::vector<std::uint64_t>();
  }
  std::vector<std::uint64_t> layers;
  for (const LayerType type : layer_types()) layers.push_back(type == LayerType::Sliding ? 1 : 0);
  return layers;
}

std::optional<LayerStacks> Hyperparameters::stacks() const {
  const auto get = [&](std::string_view key) { return gguf_ ? keys_.number(key) : first_of(listed(key)); };
  const auto low = get("hrm.l_cycles");
  if (!low) return std::nullopt;
  auto layers = get("hrm.layers_per_stack");
  if (!layers && !gguf_) layers = get("block_count");  // config.json's number of layers is that of one stack
  return layer_stacks(layers, get("hrm.h_cycles"), low);
}

std::string_view Hyperparameters::architecture() const {
  if (gguf_) return keys_.name();
  const auto* classes = config_.find({"architectures"});
  if (classes == nullptr || !classes->is_array() || classes->empty() || !classes->front().is_string()) return {};
  return classes->front().get_ref<const std::string&>();
}

}  // namespace weigh::core
