#include "src/model/architecture.h"

#include <algorithm>
#include <array>

#include "src/model/config.h"
#include "src/model/metadata_keys.h"
#include "src/model/packing/schemes.h"
#include "src/model/remark.h"
#include "src/model/sum.h"

namespace weigh::core {

namespace {

// One number for layers that may differ: 0 means "none in this layer", so the largest is that of the layers that have
// any.
std::optional<std::uint64_t> largest_of(const std::vector<std::uint64_t>& values) {
  return values.empty() ? std::nullopt : std::optional(std::ranges::max(values));
}

bool differ(const std::vector<std::uint64_t>& values) {
  return std::ranges::any_of(values, [&](std::uint64_t value) { return value != values.front(); });
}

void set_heads(std::vector<std::uint64_t> heads, std::vector<std::uint64_t> kv_heads, Architecture& architecture) {
  if (kv_heads.empty()) kv_heads = heads;  // no key of their own: as many as heads
  architecture.heads = largest_of(heads);
  architecture.kv_heads = largest_of(kv_heads);
  if (differ(kv_heads)) architecture.kv_heads_per_layer = std::move(kv_heads);
}

// 0 means "none": of windows, widths and numbers of layers there is no such thing.
std::optional<std::uint64_t> unless_zero(std::optional<std::uint64_t> value) {
  return value == 0 ? std::nullopt : value;
}

std::optional<std::uint64_t> either(std::optional<std::uint64_t> first, std::optional<std::uint64_t> second) {
  return first ? first : second;
}

// Both formats' rule where nothing is stated.
void set_head_sizes(std::optional<std::uint64_t> k, std::optional<std::uint64_t> v, Architecture& architecture) {
  const auto width = whole_quotient(architecture.embedding_length.value_or(0), architecture.heads.value_or(0));
  const auto usual = width == 0 ? std::nullopt : std::optional(width);
  architecture.head_size_k = either(k, usual);
  architecture.head_size_v = either(v, usual);
}

// A pattern is a number, or a flag per layer: true slides.
void set_window(const ArchitectureKeys& keys, Architecture& architecture) {
  architecture.sliding_window = unless_zero(largest_of(keys.numbers("attention.sliding_window")));
  const auto pattern = keys.numbers("attention.sliding_window_pattern");
  if (!architecture.sliding_window || pattern.empty()) return;
  if (pattern.size() == 1) {
    architecture.sliding_window_pattern = unless_zero(pattern.front());
  } else {
    architecture.sliding_layers = static_cast<std::uint64_t>(pattern.size()) -
                                  static_cast<std::uint64_t>(std::ranges::count(pattern, std::uint64_t{0}));
  }
}

std::optional<std::string> tokenizer_of(const ArchitectureKeys& keys) {
  auto model = keys.general("tokenizer.ggml.model");
  if (const auto pre = keys.general("tokenizer.ggml.pre"); model && pre) *model += " (" + *pre + ")";
  return model;
}

std::optional<std::string> base_of(const ArchitectureKeys& keys) {
  const auto organization = keys.general("general.base_model.0.organization");
  auto name = keys.general("general.base_model.0.name");
  if (name && organization) name = *organization + '/' + *name;
  return name ? name : keys.general("general.base_model.0.repo_url");
}

Architecture from_keys(const Checkpoint& checkpoint) {
  const ArchitectureKeys keys(checkpoint);
  Architecture architecture;
  if (!keys.name().empty()) architecture.name = std::string(keys.name());
  architecture.layers = keys.number("block_count");
  architecture.context_length = keys.number("context_length");
  architecture.embedding_length = keys.number("embedding_length");
  set_heads(keys.numbers("attention.head_count"), keys.numbers("attention.head_count_kv"), architecture);
  architecture.vocab_size = keys.number("vocab_size");
  const MetadataEntry* tokens = keys.metadata() == nullptr ? nullptr : keys.metadata()->find("tokenizer.ggml.tokens");
  if (!architecture.vocab_size && tokens != nullptr && tokens->type == ValueType::Array) {
    architecture.vocab_size = tokens->count;
  }
  // With latent attention the plain keys describe the compressed cache.
  set_head_sizes(either(keys.number("attention.key_length_mla"), largest_of(keys.numbers("attention.key_length"))),
                 either(keys.number("attention.value_length_mla"), largest_of(keys.numbers("attention.value_length"))),
                 architecture);
  architecture.feed_forward_length = unless_zero(largest_of(keys.numbers("feed_forward_length")));
  architecture.expert_feed_forward_length = unless_zero(keys.number("expert_feed_forward_length"));
  if (keys.number("expert_count").value_or(0) > 0 && !architecture.expert_feed_forward_length) {
    architecture.expert_feed_forward_length = architecture.feed_forward_length;  // Mixtral's one width is the experts'
  }
  set_window(keys, architecture);
  architecture.original_context_length = keys.number("rope.scaling.original_context_length");
  architecture.rope_scaling = keys.text("rope.scaling.type");
  architecture.rope_base = keys.real("rope.freq_base");
  architecture.prediction_layers = unless_zero(keys.number("nextn_predict_layers"));
  architecture.tokenizer = tokenizer_of(keys);
  architecture.chat_template =
      keys.metadata() != nullptr && (keys.metadata()->find("tokenizer.chat_template") != nullptr ||
                                     keys.metadata()->find("tokenizer.chat_templates") != nullptr);
  architecture.license = keys.general("general.license");
  architecture.base_model = base_of(keys);
  return architecture;
}

std::vector<std::uint64_t> stated_kv_heads(const ConfigReader& config) {
  // Falcon and StarCoder state their one KV head by a flag, beside a head count that means something else.
  if (config.flag("multi_query") && !config.flag("new_decoder_architecture")) return {1};
  return config.numbers({"num_key_value_heads", "n_kv_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num",
                         "attn_config.kv_n_heads"});
}

// An expanded head of latent attention has a part that is rotated and one that is not.
std::optional<std::uint64_t> stated_key_size(const ConfigReader& config) {
  const auto plain = config.number({"qk_nope_head_dim"});
  const auto rotated = config.number({"qk_rope_head_dim"});
  if (plain && rotated) {
    SaturatingSum sum{.value = *plain};
    sum.add(*rotated);
    return sum.value;
  }
  return config.number({"head_dim", "attention_head_dim", "kv_channels", "attn_config.head_dim"});
}

void set_window(const ConfigReader& config, Architecture& architecture) {
  const auto* use = config.find({"use_sliding_window"});
  if (use != nullptr && use->is_boolean() && !use->get<bool>()) return;
  architecture.sliding_window =
      unless_zero(config.number({"sliding_window", "sliding_window_size", "local_attention", "attention_window_size"}));
  if (!architecture.sliding_window) return;
  architecture.sliding_window_pattern =
      unless_zero(config.number({"sliding_window_pattern", "_sliding_window_pattern"}));
  const auto* types = config.find({"layer_types"});
  if (types == nullptr || !types->is_array()) return;
  architecture.sliding_layers = static_cast<std::uint64_t>(
      std::ranges::count_if(*types, [](const nlohmann::json& type) { return type == "sliding_attention"; }));
}

std::optional<std::string> nonempty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

// What a trainer left in the file's own metadata.
std::optional<std::string> from_metadata(const Checkpoint& checkpoint, std::initializer_list<std::string_view> keys) {
  for (const ModelFile& file : checkpoint.files) {
    for (const std::string_view key : keys) {
      if (const auto value = file.metadata.string(key); value && !value->empty()) return std::string(*value);
    }
  }
  return std::nullopt;
}

void set_more(const ConfigReader& config, const Checkpoint& checkpoint, Architecture& architecture) {
  const auto key_size = stated_key_size(config);
  set_head_sizes(key_size, either(config.number({"v_head_dim"}), key_size), architecture);
  const auto width = unless_zero(
      largest_of(config.numbers({"intermediate_size_mlp", "intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner",
                                 "d_ff", "intermediate_dim", "hidden_dim", "ffn_config.ffn_hidden_size"})));
  const bool experts = largest_of(config.numbers({"num_local_experts", "num_experts", "n_routed_experts",
                                                  "moe_num_experts", "ffn_config.moe_num_experts"}))
                           .value_or(0) > 0;
  architecture.feed_forward_length = width;
  architecture.expert_feed_forward_length =
      unless_zero(largest_of(config.numbers({"moe_intermediate_size", "expert_intermediate_size", "moe_ffn_hidden_size",
                                             "moe.expert_hidden_dim", "ffn_config.ffn_hidden_size"})));
  // Mixtral and its kin have one width, and it is the experts'; llama 4 states the dense layers' apart.
  if (experts && !architecture.expert_feed_forward_length) {
    architecture.expert_feed_forward_length = unless_zero(config.number({"intermediate_size"}));
  }
  set_window(config, architecture);
  architecture.original_context_length =
      config.number({"rope_scaling.original_max_position_embeddings",
                     "rope_parameters.original_max_position_embeddings", "original_max_position_embeddings"});
  architecture.rope_scaling = nonempty(config.text({"rope_scaling.rope_type", "rope_scaling.type"}));
  architecture.rope_base = config.real({"rope_theta", "rope_parameters.rope_theta", "rotary_emb_base"});
  architecture.prediction_layers = unless_zero(
      config.number({"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules", "num_mtp_layers"}));
  const ConfigReader tokenizer(checkpoint.tokenizer_config.get());
  architecture.tokenizer = nonempty(tokenizer.text({"tokenizer_class"}));
  architecture.chat_template = checkpoint.chat_template_file || tokenizer.find({"chat_template"}) != nullptr;
  architecture.license = nonempty(config.text({"license"}));
  if (!architecture.license) architecture.license = from_metadata(checkpoint, {"license", "modelspec.license"});
  const ConfigReader adapter(checkpoint.adapter_config.get());
  architecture.base_model = nonempty(adapter.text({"base_model_name_or_path", "model"}));
  if (!architecture.base_model) architecture.base_model = from_metadata(checkpoint, {"base_model"});
}

Architecture from_config(const Checkpoint& checkpoint) {
  const ConfigReader config(checkpoint.config.get());
  Architecture architecture;
  std::string_view name = config.text({"model_type"});
  if (const auto* classes = config.find({"architectures"});
      name.empty() && classes != nullptr && classes->is_array() && !classes->empty() && classes->front().is_string()) {
    name = classes->front().get_ref<const std::string&>();
  }
  if (!name.empty()) architecture.name = std::string(name);
  architecture.layers =
      config.number({"num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers"});
  if (const auto* types = config.find({"layers_block_type"});
      !architecture.layers && types != nullptr && types->is_array()) {
    architecture.layers = types->size();
  }
  architecture.embedding_length = config.number({"hidden_size", "n_embd", "n_embed", "d_model", "dim"});
  architecture.context_length = config.number({"max_position_embeddings", "n_positions", "n_ctx", "seq_length",
                                               "max_sequence_length", "model_max_length", "max_seq_len"});
  architecture.vocab_size = config.number({"vocab_size"});
  set_heads(config.numbers({"num_attention_heads", "n_head", "n_heads", "num_heads"}), stated_kv_heads(config),
            architecture);
  set_more(config, checkpoint, architecture);
  return architecture;
}

// Layers are the language model's distinct block numbers; of a model with encoder and decoder, the decoder's.
std::optional<std::uint64_t> count_layers(std::span<const TensorFacts> facts) {
  for (const Stack stack : {Stack::Main, Stack::Decoder, Stack::Encoder}) {
    std::vector<std::int32_t> layers;
    for (const TensorFacts& tensor : facts) {
      if (tensor.stack == stack && (layers.empty() || layers.back() != tensor.layer)) layers.push_back(tensor.layer);
    }
    if (layers.empty()) continue;
    std::ranges::sort(layers);
    return static_cast<std::uint64_t>(std::unique(layers.begin(), layers.end()) - layers.begin());
  }
  return std::nullopt;
}

void fill_from_shapes(std::span<const Tensor* const> tensors, std::span<const TensorFacts> facts,
                      Architecture& architecture) {
  if (!architecture.layers) architecture.layers = count_layers(facts);
  if (architecture.vocab_size && architecture.embedding_length) return;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = *tensors[i];
    if (facts[i].layer >= 0 || tensor.shape.size() != 2 || facts[i].role != Role::TokenEmbedding) continue;
    // A packed embedding has fewer columns than the model is wide, but its rows are whole.
    const std::uint64_t width = whole_quotient(facts[i].parameters, tensor.shape[0]);
    if (!architecture.vocab_size) architecture.vocab_size = tensor.shape[0];
    if (!architecture.embedding_length && width != 0) architecture.embedding_length = width;
    return;
  }
}

// The matrix that turns the last layer's output into the vocabulary; a classifier's is none.
bool is_vocabulary_head(const Tensor& tensor, const TensorFacts& facts) {
  constexpr auto kHeads = std::to_array<std::string_view>({"lm_head", "output", "embed_out", "output_layer", "head"});
  return facts.role == Role::OutputHead && tensor.shape.size() == 2 &&
         std::ranges::find(kHeads, last_part(split_name(tensor.name).module)) != kHeads.end();
}

}  // namespace

std::optional<bool> settle_tied_head(const Checkpoint& checkpoint, std::span<const Tensor* const> tensors,
                                     std::span<TensorFacts> facts, std::vector<Finding>& findings) {
  const Tensor* embedding = nullptr;
  std::optional<std::size_t> head;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool outside = facts[i].layer < 0;
    if (outside && facts[i].role == Role::TokenEmbedding && embedding == nullptr) embedding = tensors[i];
    if (outside && is_vocabulary_head(*tensors[i], facts[i])) head = i;
  }
  // An encoder has no head to tie.
  const bool generates = std::ranges::any_of(
      facts, [](const TensorFacts& tensor) { return tensor.stack == Stack::Main || tensor.stack == Stack::Decoder; });
  if (embedding == nullptr || !generates || ArchitectureKeys(checkpoint).number("pooling_type")) return std::nullopt;
  const ConfigReader config(checkpoint.config.get());
  const bool stated = config.flag("tie_word_embeddings");
  if (!head) {
    // A classifier has no head to tie, and says so by its config's silence or refusal.
    const auto* flag = config.find({"tie_word_embeddings"});
    return flag == nullptr || stated;
  }
  const Tensor& tensor = *tensors[*head];
  const bool copy = stated && tensor.dtype == embedding->dtype && std::ranges::equal(tensor.shape, embedding->shape);
  if (!copy) return false;
  facts[*head].parameters = 0;
  add_finding(findings, Severity::Note, "tied-head-stored",
              "the config ties the head to the token embedding, yet both are stored: the head's parameters are not "
              "counted again, its bytes are");
  return true;
}

Architecture read_architecture(const Checkpoint& checkpoint, std::span<const Tensor* const> tensors,
                               std::span<const TensorFacts> facts) {
  const bool gguf = !checkpoint.files.empty() && checkpoint.files.front().format == Format::Gguf;
  Architecture architecture = gguf ? from_keys(checkpoint) : from_config(checkpoint);
  fill_from_shapes(tensors, facts, architecture);
  return architecture;
}

}  // namespace weigh::core
