#include "src/memory/run_model.h"

#include <algorithm>
#include <string_view>

#include "formats/checked.h"
#include "src/memory/derived_rule.h"
#include "src/memory/layer_parts.h"
#include "src/model/hyperparameters.h"

namespace weigh::core {

namespace {

// No real width comes near; sums of products of two of them fit in 64 bits with room to spare.
constexpr std::uint64_t kMaxWidth = std::uint64_t{1} << 28;

// One value for each layer: a scalar stands for all, an array gives each its own, and 0 in it means "none in this
// layer". A layer behind the array's end has none.
std::uint64_t of_layer(const std::vector<std::uint64_t>& values, std::size_t layer, std::uint64_t fallback) {
  if (values.empty()) return fallback;
  if (values.size() == 1) return values.front();
  return layer < values.size() ? values[layer] : 0;
}

std::uint64_t first_not_zero(const std::vector<std::uint64_t>& values) {
  const auto found = std::ranges::find_if(values, [](std::uint64_t value) { return value != 0; });
  return found == values.end() ? 0 : *found;
}

bool reads_deepstack(const RunModel& model) {
  return model.rule != nullptr && model.rule->recipe == GraphRecipe::Qwen3Vl;
}

void read_scalars(const Hyperparameters& keys, RunModel& model) {
  model.trained_context = keys.number("context_length");
  model.kv_lora_rank = keys.number_or("attention.kv_lora_rank", 0);
  model.q_lora_rank = keys.number_or("attention.q_lora_rank", 0);
  model.rope_dimensions = keys.number_or("rope.dimension_count", 0);
  model.latent_key_head = keys.number_or("attention.key_length_mla", 0);
  model.latent_value_head = keys.number_or("attention.value_length_mla", 0);
  model.indexer_key = keys.number_or("attention.indexer.key_length", 0);
  model.indexer_heads = keys.number_or("attention.indexer.head_count", 0);
  model.indexer_top = keys.number_or("attention.indexer.top_k", 0);
  model.indexer_block = keys.number_or("attention.indexer.block_size", 0);
  model.window_latent = {.rank = keys.number_or("attention.kv_lora_rank_swa", 0),
                         .key_head = keys.number_or("attention.key_length_mla_swa", 0),
                         .value_head = keys.number_or("attention.value_length_mla_swa", 0)};
  model.expert_groups = keys.number_or("expert_group_count", 0);
  const double scale = keys.real("expert_weights_scale").value_or(0);
  model.scales_expert_weights = scale != 0 && scale != 1;
  model.norms_expert_weights = keys.flag("expert_weights_norm");
  model.expert_gating = keys.number("expert_gating_func");
  model.short_convolution = keys.number_or("shortconv.l_cache", 0);
  model.wkv_head = keys.number_or("wkv.head_size", 0);
  model.token_shifts = keys.number_or("token_shift_count", 2);
  model.kda_head = keys.number_or("kda.head_dim", 0);
  model.bounded_decay = keys.real("kda.gate_lower_bound").has_value();
  model.residual_block = keys.number_or("attn_res.block_size", 0);
  model.loops = std::max<std::uint64_t>(keys.number_or("num_loops", 1), 1);
  model.residual_streams = std::max<std::uint64_t>(keys.number_or("hyper_connection.count", 1), 1);
  model.output_groups = std::max<std::uint64_t>(keys.number_or("attention.output_group_count", 1), 1);
  model.output_rank = keys.number_or("attention.output_lora_rank", 0);
  model.hyper_rank = keys.number_or("hyper_connection.low_rank", 0);
  model.layer_embedding = keys.number_or("embedding_length_per_layer_input", 0);
  model.position_values = keys.numbers("rope.dimension_sections").size() > 1 ? 4 : 1;
  if (reads_deepstack(model)) model.deepstack_layers = keys.number_or("n_deepstack_layers", 0);
  model.rescale_period = keys.number_or("rescale_every_n_layers", 0);
  model.ranks = {.mix = keys.number_or("time_mix_extra_dim", 0),
                 .decay = keys.number_or("attention.decay_lora_rank", keys.number_or("time_decay_extra_dim", 0)),
                 .rate = keys.number_or("attention.iclr_lora_rank", 0),
                 .value = keys.number_or("attention.value_residual_mix_lora_rank", 0),
                 .gate = keys.number_or("attention.gate_lora_rank", 0)};
  model.ssm = {.convolution = keys.number_or("ssm.conv_kernel", 0),
               .inner = keys.number_or("ssm.inner_size", 0),
               .state = keys.number_or("ssm.state_size", 0),
               .groups = keys.number_or("ssm.group_count", 0),
               .rank = keys.number_or("ssm.time_step_rank", 0)};
}

// What config.json says in other words than GGUF.
void complete_from_config(const ConfigReader& config, RunModel& model) {
  if (reads_deepstack(model)) {
    const ConfigReader vision(config.find({"vision_config"}));
    model.deepstack_layers = vision.numbers({"deepstack_visual_indexes"}).size();
  }
  StateSpace& ssm = model.ssm;
  if (const auto values = config.number({"linear_value_head_dim"})) {
    ssm.inner = *values <= kMaxWidth && ssm.rank <= kMaxWidth ? *values * ssm.rank : 0;
  } else if (const auto head = config.number({"mamba_head_dim", "mamba_d_head"});
             head && *head <= kMaxWidth && ssm.rank != 0 && ssm.rank <= kMaxWidth) {
    ssm.inner = *head * ssm.rank;
  } else if (ssm.inner == 0) {
    ssm.inner = config.number({"mamba_expand", "expand"}).value_or(2) * model.embedding;
  }
}

bool sane(const RunModel& model) {
  const auto fits = [](auto... values) { return ((values <= kMaxWidth) && ...); };
  const StateSpace& s = model.ssm;
  const LowRanks& r = model.ranks;
  if (!fits(model.embedding, model.vocab, model.window, model.kv_lora_rank, model.q_lora_rank, model.rope_dimensions,
            model.latent_key_head, model.latent_value_head, model.indexer_key, model.indexer_value, model.indexer_heads,
            model.indexer_top, model.indexer_block, model.expert_groups, model.short_convolution, model.wkv_head,
            model.token_shifts, model.kda_head, model.loops, model.residual_streams, model.output_groups,
            model.output_rank, model.hyper_rank, model.layer_embedding, s.convolution, s.inner, s.state, s.groups,
            s.rank, r.mix, r.decay, r.rate, r.value, r.gate, model.deepstack_layers)) {
    return false;
  }
  if (s.state * s.inner > (std::uint64_t{1} << 40)) return false;
  return std::ranges::all_of(model.layers, [&](const LayerModel& layer) {
    return fits(layer.heads, layer.kv_heads, layer.key_head, layer.value_head, layer.ffn, layer.expert_ffn,
                layer.shared_ffn, layer.chunk_ffn, layer.compress_ratio, layer.latent.rank, layer.latent.key_head,
                layer.latent.value_head, layer.decay_rank, layer.gate_rank, layer.routed) &&
           layer.experts <= kMaxExperts && layer.chunk_experts <= kMaxExperts && layer.experts_used <= kMaxExperts;
  });
}

std::uint64_t count_vocabulary(const Hyperparameters& keys, const Model& model) {
  // The embedding's rows are what a graph multiplies by; the keys may name a vocabulary that was padded.
  for (const TensorFacts& facts : model.tensors) {
    const Tensor& tensor = *facts.tensor;
    if ((tensor.name == "token_embd.weight" || tensor.name.ends_with("embed_tokens.weight")) &&
        tensor.shape.size() == 2) {
      return tensor.shape[0];
    }
  }
  return keys.number("vocab_size").value_or(model.architecture.vocab_size.value_or(0));
}

// Which layers slide, of a model that slides at all.
class SlidingLayers {
 public:
  SlidingLayers(const Hyperparameters& keys, const RunModel& model, std::size_t trunk)
      : rule_(model.rule), trunk_(trunk), pattern_(keys.numbers("attention.sliding_window_pattern")) {
    if (pattern_.empty()) pattern_ = keys.sliding_layers();
  }

  [[nodiscard]] bool slides(std::size_t layer, bool has_attention) const {
    if (rule_ == nullptr || rule_->window == WindowRule::None || layer >= trunk_) return false;
    if (rule_->window == WindowRule::Period64 && trunk_ != 64) return false;
    if (rule_->window == WindowRule::Attention) return has_attention;
    if (rule_->window == WindowRule::Every) return true;
    if (pattern_.size() > 1) return layer < pattern_.size() && pattern_[layer] != 0;
    if (rule_->window == WindowRule::Array) return !pattern_.empty() && pattern_.front() != 0;
    const std::uint64_t period = pattern_.empty() ? rule_->window_period : pattern_.front();
    if (period == 0) return true;
    const bool dense_first = rule_->window == WindowRule::DenseFirst || rule_->window == WindowRule::Stated;
    return dense_first ? layer % period != 0 : layer % period < period - 1;
  }

 private:
  const ArchitectureRule* rule_;
  std::size_t trunk_;  // layers before those that predict
  std::vector<std::uint64_t> pattern_;
};

// The window's width; 0 when nothing slides. Llama 4 has its fixed chunks unless the key says 0, SmallThinker its fixed
// window when the key says anything else.
std::uint64_t window_width(const Hyperparameters& keys, const RunModel& model) {
  if (model.rule == nullptr || model.rule->window == WindowRule::None) return 0;
  const auto stated = keys.number("attention.sliding_window");
  if (model.rule->window == WindowRule::Chunked) return stated == 0U ? 0 : model.rule->window_default;
  if (model.rule->window == WindowRule::Stated) return stated.value_or(0) == 0 ? 0 : model.rule->window_default;
  return stated.value_or(model.rule->window_default);
}

bool is_recurrent(const RunModel& model, const LayerModel& layer, std::size_t number, std::uint64_t interval,
                  const std::vector<std::uint64_t>& stated, const std::vector<LayerType>& types) {
  const RecurrentRule rule = model.rule == nullptr ? RecurrentRule::NoKvHeads : model.rule->recurrent;
  if (layer.predicts || rule == RecurrentRule::None) return false;
  if (rule == RecurrentRule::Every) return true;
  if (!types.empty()) return types[number] == LayerType::Recurrent;
  if (model.rule == nullptr) return false;
  if (rule == RecurrentRule::NoKvHeads) return layer.kv_heads == 0;
  if (rule == RecurrentRule::NoKvHeadsNoFfn) return layer.kv_heads == 0 && layer.ffn == 0;
  if (!stated.empty()) return of_layer(stated, number, 0) != 0;
  return interval != 0 && (number + 1) % interval != 0;
}

// What the tensors of a layer show of it.
struct ShownLayer {
  bool any = false;
  bool keys = false;   // it makes keys, so it has a cache
  bool state = false;  // a state space, a linear attention or a short convolution
};

std::vector<ShownLayer> shown_layers(const Model& source, std::size_t layers) {
  std::vector<ShownLayer> shown(layers);
  for (const TensorFacts& facts : source.tensors) {
    if (facts.stack != Stack::Main || static_cast<std::size_t>(facts.layer) >= layers) continue;
    ShownLayer& layer = shown[static_cast<std::size_t>(facts.layer)];
    layer.any = true;
    switch (facts.role) {
      case Role::AttentionK:
      case Role::AttentionV:
      case Role::AttentionFused:
      case Role::AttentionMla: layer.keys = true; break;
      case Role::StateSpace: layer.state = true; break;
      default: break;
    }
  }
  return shown;
}

// What each layer of a safetensors model does: config.json's word, held against the tensors. A layer whose tensors make
// no keys has no cache, whatever the config says. Empty when neither tells the layers apart.
std::vector<LayerType> layer_types_of(const Hyperparameters& keys, const Model& source, std::size_t layers) {
  std::vector<LayerType> types = keys.layer_types();
  if (keys.gguf() || parts_missing(source.checkpoint)) return types;
  const std::vector<ShownLayer> shown = shown_layers(source, layers);
  if (std::ranges::none_of(shown, &ShownLayer::keys)) return types;
  // Kimi's linear attention makes keys too: only the config, or other layers without a state, tell it from attention.
  const bool stated = !types.empty();
  const bool differ = std::ranges::all_of(shown, &ShownLayer::any) && !std::ranges::all_of(shown, &ShownLayer::state);
  if (!stated && !differ) return {};
  types.resize(layers, LayerType::Attention);
  for (std::size_t i = 0; i < layers; ++i) {
    const auto [any, makes_keys, has_state] = shown[i];
    if (has_state && !(stated && makes_keys)) types[i] = LayerType::Recurrent;
    if (any && !has_state && !makes_keys) types[i] = LayerType::FeedForward;
  }
  return types;
}

// Gives each layer what its GGUF would: no heads for keys where there is no attention, no feed-forward part in the
// mixers of an architecture that has both in layers of their own.
void set_layer_types(const std::vector<LayerType>& types, RunModel& model) {
  const RecurrentRule rule = model.rule == nullptr ? RecurrentRule::NoKvHeads : model.rule->recurrent;
  if (rule == RecurrentRule::Every || rule == RecurrentRule::Interval4 || rule == RecurrentRule::Interval8) return;
  for (std::size_t i = 0; i < types.size(); ++i) {
    LayerModel& layer = model.layers[i];
    const bool attends = types[i] == LayerType::Attention || types[i] == LayerType::Sliding;
    if (!attends) layer.kv_heads = 0;
    if (rule == RecurrentRule::NoKvHeadsNoFfn && types[i] != LayerType::FeedForward) layer.ffn = layer.experts = 0;
  }
}

// Kept in one place: heads and widths of every layer, straight from the keys.
void read_layers(const Hyperparameters& keys, RunModel& model) {
  const auto heads = keys.numbers("attention.head_count");
  const auto kv_heads = keys.numbers("attention.head_count_kv");
  const auto ffn = keys.numbers("feed_forward_length");
  const auto expert_ffn = keys.numbers("expert_feed_forward_length");
  const auto experts = keys.numbers("expert_count");
  const auto used = keys.numbers("expert_used_count");
  const auto ratios = keys.numbers("attention.compress_ratios");
  const std::uint64_t any_heads = first_not_zero(heads);
  const std::uint64_t even = any_heads == 0 ? 0 : model.embedding / any_heads;
  const std::uint64_t key_head = keys.number_or("attention.key_length", even);
  const std::uint64_t value_head = keys.number_or("attention.value_length", even);
  const std::uint64_t shared = keys.number_or("expert_shared_count", 0);
  const std::uint64_t dense_lead = keys.number_or("leading_dense_block_count", 0);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    LayerModel& layer = model.layers[i];
    layer.heads = of_layer(heads, i, 0);
    layer.kv_heads = of_layer(kv_heads, i, layer.heads);
    layer.key_head = key_head;
    layer.value_head = value_head;
    layer.ffn = of_layer(ffn, i, 0);
    layer.compress_ratio = of_layer(ratios, i, 0);
    layer.experts = i < dense_lead ? 0 : of_layer(experts, i, 0);
    if (of_layer(experts, i, 0) == 0) continue;
    layer.experts_used = of_layer(used, i, 0);
    layer.expert_ffn = of_layer(expert_ffn, i, layer.ffn);
    layer.shared_ffn = keys.number_or("expert_shared_feed_forward_length",
                                      shared != 0 && layer.expert_ffn <= kMaxWidth ? shared * layer.expert_ffn : 0);
  }
}

void mark_layers(const Hyperparameters& keys, const std::vector<LayerType>& types, std::uint64_t prediction,
                 RunModel& model) {
  const auto stated_recurrent = keys.numbers("attention.recurrent_layers");
  const std::uint64_t interval = keys.number_or(
      "full_attention_interval", model.rule != nullptr && model.rule->recurrent == RecurrentRule::Interval8 ? 8 : 4);
  const auto key_swa = keys.number("attention.key_length_swa");
  const auto value_swa = keys.number("attention.value_length_swa");
  const std::size_t count = model.layers.size();
  const SlidingLayers sliding(keys, model, count - static_cast<std::size_t>(prediction));
  model.window = window_width(keys, model);
  for (std::size_t i = 0; i < count; ++i) {
    LayerModel& layer = model.layers[i];
    layer.predicts = i + prediction >= count;
    layer.recurrent = is_recurrent(model, layer, i, interval, stated_recurrent, types);
    layer.sliding = model.window != 0 && sliding.slides(i, !layer.recurrent);
    if (!layer.sliding) continue;
    layer.key_head = key_swa.value_or(layer.key_head);
    layer.value_head = value_swa.value_or(layer.value_head);
  }
  if (std::ranges::none_of(model.layers, &LayerModel::sliding)) model.window = 0;
}

// Layers that reuse what an earlier one has cached. Gemma 3n's count is fixed in the engine.
std::size_t layers_with_own_cache(const Hyperparameters& keys, const RunModel& model) {
  constexpr std::size_t kGemma3n = 20;
  const std::size_t count = model.layers.size();
  if (model.architecture == "gemma3n") return std::min(kGemma3n, count);
  const std::uint64_t shared = keys.number_or("attention.shared_kv_layers", 0);
  return shared >= count ? 0 : count - static_cast<std::size_t>(shared);
}

void mark_cached(const Hyperparameters& keys, RunModel& model) {
  const MemoryKind memory = model.rule == nullptr ? MemoryKind::Attention : model.rule->memory;
  const bool every_recurrent = model.rule != nullptr && model.rule->recurrent == RecurrentRule::Every;
  // Layers that are a feed-forward part alone, also of those that predict.
  const bool own_ffn_layers = model.rule != nullptr && model.rule->recurrent == RecurrentRule::NoKvHeadsNoFfn;
  const auto indexer_types = keys.numbers("attention.indexer.types");
  const bool picks = keys.number_or("attention.indexer.top_k", 0) != 0;
  const std::uint64_t dense_lead = keys.number_or("leading_dense_block_count", 0);
  const std::size_t own = layers_with_own_cache(keys, model);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    LayerModel& layer = model.layers[i];
    const bool left_out = layer.predicts && (model.rule == nullptr || model.rule->prediction == PredictionRule::None);
    const bool in_cache = (memory == MemoryKind::Attention || memory == MemoryKind::Hybrid) && i < own && !left_out &&
                          (!layer.recurrent || every_recurrent) && !(own_ffn_layers && layer.ffn != 0);
    layer.cached = in_cache && layer.kv_heads != 0;
    layer.headless = in_cache && layer.kv_heads == 0;
    if (model.rule == nullptr || left_out) continue;
    switch (model.rule->indexer) {
      case IndexerRule::None: break;
      case IndexerRule::Every: layer.indexed = true; break;
      case IndexerRule::Marked: layer.indexed = of_layer(indexer_types, i, 1) != 0; break;
      case IndexerRule::MarkedTopK: layer.indexed = picks && of_layer(indexer_types, i, 1) != 0; break;
      case IndexerRule::FullLayers: layer.indexed = !layer.sliding; break;
      case IndexerRule::AfterDense: layer.indexed = i >= dense_lead; break;
    }
  }
  if (model.rule != nullptr && model.rule->indexer == IndexerRule::AfterDense) {
    model.indexer_value = keys.number_or("attention.value_length", model.layers.front().value_head);
  }
}

// Of qwen4exp's layers that look up n-grams each keeps the rows that its convolution goes back over.
void read_ngrams(const Hyperparameters& keys, RunModel& model) {
  const std::uint64_t kernel = keys.number_or("ple.conv_kernel", 0);
  const std::uint64_t longest = keys.number_or("ple.ngram_size", 0);
  const std::uint64_t heads = keys.number_or("ple.heads_per_ngram", 0);
  constexpr std::uint64_t kMost = 1024;
  if (kernel < 2 || kernel > kMost || longest > kMost || heads > kMost || model.residual_streams > kMost) return;
  model.ngrams = {.kernel = kernel, .tokens = longest, .rows = longest == 0 ? 0 : (longest - 1) * heads};
  for (const std::uint64_t number : keys.numbers("ple.layers")) {
    if (number >= model.layers.size()) continue;
    model.layers[static_cast<std::size_t>(number)].more_state =
        (kernel - 1) * longest * model.residual_streams * model.embedding;
  }
}

// Gemma 4's layers that see everything have heads of their own, which config.json names apart.
void set_global_heads(const ConfigReader& config, RunModel& model) {
  const auto head = config.number({"global_head_dim"});
  const auto kv_heads = config.number({"num_global_key_value_heads"});
  for (LayerModel& layer : model.layers) {
    if (layer.sliding) continue;
    if (head) layer.key_head = layer.value_head = *head;
    if (kv_heads) layer.kv_heads = *kv_heads;
  }
}

// Latent attention with absorbed projections caches one row for all heads and takes the values out of it. GGUF states
// the row's width, of sliding layers too; config.json what it is made of.
void fold_latent(bool stated, RunModel& model) {
  for (LayerModel& layer : model.layers) {
    if (model.kv_lora_rank == 0 || layer.recurrent) continue;
    layer.mixer = Mixer::Latent;
    layer.latent = {model.kv_lora_rank, model.latent_key_head, model.latent_value_head};
    if (layer.sliding && model.window_latent.rank != 0) layer.latent = model.window_latent;
    if (model.latent_key_head == 0 || model.latent_value_head == 0) continue;
    layer.parts |= kAbsorbed;
    layer.kv_heads = 1;
    if (!stated) layer.key_head = layer.latent.rank + model.rope_dimensions;
    layer.value_head = 0;
  }
}

void derive_rule(const Model& source, const Hyperparameters& keys, const std::vector<LayerType>& types,
                 RunModel& model) {
  model.derived = std::make_shared<const ArchitectureRule>(derived_rule(source, keys, types));
  model.rule = model.derived.get();
  // An engine leaves a tensor out where its architecture says so: nobody knows whether this one does.
  model.prediction = PredictionUse::Loaded;
}

}  // namespace

std::uint64_t LayerModel::working_ffn() const {
  return std::max(ffn, plus(times(experts_used, expert_ffn), shared_ffn));
}

std::uint64_t RunModel::widest_ffn() const {
  std::uint64_t widest = 0;
  for (const LayerModel& layer : layers) widest = std::max(widest, layer.working_ffn());
  return widest;
}

std::optional<RunModel> read_run_model(const Model& source) {
  const Hyperparameters keys(source.checkpoint);
  RunModel model;
  const std::string_view name = keys.architecture();
  model.rule = keys.gguf() ? architecture_rule(name) : architecture_rule_of_class(name);
  model.architecture = model.rule != nullptr ? model.rule->name : name;
  // Of an encoder with a decoder, the decoder's: it has the cache.
  const auto decoder = keys.number("decoder_block_count");
  const auto layers = decoder ? *decoder : keys.number("block_count").value_or(source.architecture.layers.value_or(0));
  model.embedding = keys.number("embedding_length").value_or(source.architecture.embedding_length.value_or(0));
  if (layers == 0 || layers > kMaxLayers || model.embedding == 0) return std::nullopt;
  model.layers.resize(static_cast<std::size_t>(layers));
  if (const auto stacks = keys.stacks(); stacks && stacks->slots == layers) model.stacks = *stacks;
  model.vocab = count_vocabulary(keys, source);
  const bool shown = model.rule == nullptr && keys.gguf();
  const std::vector<LayerType> types =
      shown ? shown_layer_types(source, model.layers.size()) : layer_types_of(keys, source, model.layers.size());
  if (model.rule == nullptr) derive_rule(source, keys, types, model);
  read_scalars(keys, model);
  if (!keys.gguf()) complete_from_config(keys.config(), model);
  read_layers(keys, model);
  set_layer_types(types, model);
  model.layers_told_apart = keys.gguf() || !types.empty();
  const bool run = model.rule != nullptr && model.rule->prediction == PredictionRule::Run;
  // A file that has no others is run for them: a head to draft with.
  const std::uint64_t prediction = keys.number_or("nextn_predict_layers", 0);
  model.predicting = run || prediction >= layers ? 0 : prediction;
  // Of config.json the layers to predict with are not among num_hidden_layers.
  mark_layers(keys, types, keys.gguf() ? model.predicting : 0, model);
  mark_cached(keys, model);
  read_ngrams(keys, model);
  if (!keys.gguf()) set_global_heads(keys.config(), model);
  fold_latent(keys.gguf() && keys.number("attention.key_length"), model);
  read_layer_parts(source, model);
  return sane(model) ? std::optional(std::move(model)) : std::nullopt;
}

}  // namespace weigh::core
