#include "src/memory/refused_setting.h"

#include <fmt/core.h>

#include "formats/text.h"

namespace weigh::core {

namespace {

bool quantized(Dtype type) { return info(type).block_elements > 1; }

// Heads are cut into blocks one by one, so that each has to be a whole number of them.
std::optional<std::string> undivided(char cache, Dtype type, std::uint64_t LayerModel::*head, const RunModel& model) {
  const std::uint64_t block = info(type).block_elements;
  for (const LayerModel& layer : model.layers) {
    if (layer.predicts || layer.*head % block == 0) continue;
    return fmt::format("{} cache type {} with block size {} does not divide n_embd_head_{}={}", cache,
                       lower(name(type)), block, cache == 'K' ? 'k' : 'v', layer.*head);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> refused_setting(const RunModel& model, const Run& run) {
  if (run.engine != Engine::LlamaCpp) return std::nullopt;
  if (model.prediction == PredictionUse::Alone && model.has(kNoDraftGraph)) {
    return fmt::format("no graph of multi-token prediction for {}", model.architecture);
  }
  const bool never = model.has(kNoFlashAttention);
  if (never || !run.flash_attention) {
    if (!quantized(run.value_type)) return std::nullopt;
    const bool forced = never && run.flash_attention;
    return fmt::format("{}quantized V cache requires flash_attn to be enabled",
                       forced ? "flash_attn is not compatible with Grok - forcing off; " : "");
  }
  if (quantized(run.key_type)) {
    if (auto why = undivided('K', run.key_type, &LayerModel::key_head, model)) return why;
  }
  return quantized(run.value_type) ? undivided('V', run.value_type, &LayerModel::value_head, model) : std::nullopt;
}

}  // namespace weigh::core
