#include "src/model/architecture.h"

#include <algorithm>
#include <array>

#include "src/model/config.h"
#include "src/model/metadata_keys.h"
#include "src/model/sum.h"

namespace weigh {

namespace {

std::optional<std::uint64_t> first_of(const std::vector<std::uint64_t>& values) {
  return values.empty() ? std::nullopt : std::optional(values.front());
}

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

Architecture from_keys(const Checkpoint& checkpoint) {
  const ArchitectureKeys keys(checkpoint);
  Architecture architecture;
  if (!keys.name().empty()) architecture.name = std::string(keys.name());
  architecture.layers = first_of(keys.numbers("block_count"));
  architecture.context_length = first_of(keys.numbers("context_length"));
  architecture.embedding_length = first_of(keys.numbers("embedding_length"));
  set_heads(keys.numbers("attention.head_count"), keys.numbers("attention.head_count_kv"), architecture);
  architecture.vocab_size = first_of(keys.numbers("vocab_size"));
  if (!architecture.vocab_size && keys.metadata() != nullptr) {
    const MetadataEntry* tokens = keys.metadata()->find("tokenizer.ggml.tokens");
    if (tokens != nullptr && tokens->type == ValueType::Array) architecture.vocab_size = tokens->count;
  }
  return architecture;
}

std::vector<std::uint64_t> stated_kv_heads(const ConfigReader& config) {
  // Falcon and StarCoder state their one KV head by a flag, beside a head count that means something else.
  if (config.flag("multi_query") && !config.flag("new_decoder_architecture")) return {1};
  return config.numbers({"num_key_value_heads", "n_kv_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num",
                         "attn_config.kv_n_heads"});
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
  return architecture;
}

constexpr auto kEmbeddings = std::to_array<std::string_view>({
    "token_embd.weight",
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "embed_in.weight",
    "embed.weight",
    "shared.weight",
});

bool is_embedding(std::string_view name) {
  return std::ranges::any_of(kEmbeddings, [&](std::string_view end) {
    return name.ends_with(end) && (name.size() == end.size() || name[name.size() - end.size() - 1] == '.');
  });
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
    if (facts[i].layer >= 0 || tensor.shape.size() != 2 || !is_embedding(tensor.name)) continue;
    // A packed embedding has fewer columns than the model is wide, but its rows are whole.
    const std::uint64_t width = whole_quotient(facts[i].parameters, tensor.shape[0]);
    if (!architecture.vocab_size) architecture.vocab_size = tensor.shape[0];
    if (!architecture.embedding_length && width != 0) architecture.embedding_length = width;
    return;
  }
}

}  // namespace

Architecture read_architecture(const Checkpoint& checkpoint, std::span<const Tensor* const> tensors,
                               std::span<const TensorFacts> facts) {
  const bool gguf = !checkpoint.files.empty() && checkpoint.files.front().format == Format::Gguf;
  Architecture architecture = gguf ? from_keys(checkpoint) : from_config(checkpoint);
  fill_from_shapes(tensors, facts, architecture);
  return architecture;
}

}  // namespace weigh
