#include "src/model/architecture.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/model/hyperparameters.h"
#include "src/model/packing/schemes.h"

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
void set_window(const Hyperparameters& keys, Architecture& architecture) {
  architecture.sliding_window = unless_zero(largest_of(keys.numbers("attention.sliding_window")));
  if (!architecture.sliding_window) return;
  const auto pattern = keys.numbers("attention.sliding_window_pattern");
  if (pattern.size() == 1) architecture.sliding_window_pattern = unless_zero(pattern.front());
  if (const auto layers = keys.sliding_layers(); !layers.empty()) {
    architecture.sliding_layers = static_cast<std::uint64_t>(layers.size()) -
                                  static_cast<std::uint64_t>(std::ranges::count(layers, std::uint64_t{0}));
  }
}

void set_feed_forward(const Hyperparameters& keys, Architecture& architecture) {
  architecture.feed_forward_length = unless_zero(largest_of(keys.numbers("feed_forward_length")));
  architecture.expert_feed_forward_length = unless_zero(largest_of(keys.numbers("expert_feed_forward_length")));
  const bool experts = keys.number("expert_count").value_or(0) > 0;
  if (keys.gguf() && experts && !architecture.expert_feed_forward_length) {
    architecture.expert_feed_forward_length = architecture.feed_forward_length;  // Mixtral's one width is the experts'
  }
}

// What both formats state, one way or the other.
Architecture read_stated(const Hyperparameters& keys) {
  Architecture architecture;
  architecture.layers = keys.number("block_count");
  architecture.context_length = keys.number("context_length");
  architecture.embedding_length = keys.number("embedding_length");
  set_heads(keys.numbers("attention.head_count"), keys.numbers("attention.head_count_kv"), architecture);
  architecture.vocab_size = keys.number("vocab_size");
  // With latent attention the plain keys describe the compressed cache.
  set_head_sizes(either(keys.number("attention.key_length_mla"), largest_of(keys.numbers("attention.key_length"))),
                 either(keys.number("attention.value_length_mla"), largest_of(keys.numbers("attention.value_length"))),
                 architecture);
  set_feed_forward(keys, architecture);
  set_window(keys, architecture);
  architecture.original_context_length = keys.number("rope.scaling.original_context_length");
  architecture.rope_scaling = keys.text("rope.scaling.type");
  architecture.rope_base = keys.real("rope.freq_base");
  architecture.prediction_layers = unless_zero(keys.number("nextn_predict_layers"));
  return architecture;
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

// What a GGUF file says in keys that are not its architecture's.
void add_from_keys(const ArchitectureKeys& keys, Architecture& architecture) {
  if (!keys.name().empty()) architecture.name = std::string(keys.name());
  const auto find = [&](std::string_view key) {
    return keys.metadata() == nullptr ? nullptr : keys.metadata()->find(key);
  };
  const MetadataEntry* tokens = find("tokenizer.ggml.tokens");
  if (!architecture.vocab_size && tokens != nullptr && tokens->type == ValueType::Array) {
    architecture.vocab_size = tokens->count;
  }
  architecture.tokenizer = tokenizer_of(keys);
  architecture.chat_template =
      find("tokenizer.chat_template") != nullptr || find("tokenizer.chat_templates") != nullptr;
  architecture.license = keys.general("general.license");
  architecture.base_model = base_of(keys);
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

// What stands in the JSON files, and in a safetensors file's own metadata.
void add_from_config(const Hyperparameters& keys, const Checkpoint& checkpoint, Architecture& architecture) {
  const ConfigReader& config = keys.config();
  architecture.name = nonempty(config.text({"model_type"}));
  if (!architecture.name) architecture.name = nonempty(keys.architecture());
  const ConfigReader tokenizer(checkpoint.tokenizer_config.get());
  architecture.tokenizer = nonempty(tokenizer.text({"tokenizer_class"}));
  architecture.chat_template = checkpoint.chat_template_file || tokenizer.find({"chat_template"}) != nullptr;
  architecture.license = nonempty(config.text({"license"}));
  if (!architecture.license) architecture.license = from_metadata(checkpoint, {"license", "modelspec.license"});
  const ConfigReader adapter(checkpoint.adapter_config.get());
  architecture.base_model = nonempty(adapter.text({"base_model_name_or_path", "model"}));
  if (!architecture.base_model) architecture.base_model = from_metadata(checkpoint, {"base_model"});
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

void fill_from_shapes(std::span<const TensorFacts> facts, Architecture& architecture) {
  if (!architecture.layers) architecture.layers = count_layers(facts);
  if (architecture.vocab_size && architecture.embedding_length) return;
  for (const TensorFacts& row : facts) {
    const Tensor& tensor = *row.tensor;
    if (row.layer >= 0 || tensor.shape.size() != 2 || row.role != Role::TokenEmbedding) continue;
    // A packed embedding has fewer columns than the model is wide, but its rows are whole.
    const std::uint64_t width = whole_quotient(row.parameters, tensor.shape[0]);
    if (!architecture.vocab_size) architecture.vocab_size = tensor.shape[0];
    if (!architecture.embedding_length && width != 0) architecture.embedding_length = width;
    return;
  }
}

// The matrix that turns the last layer's output into the vocabulary; a classifier's is none.
bool is_vocabulary_head(const TensorFacts& facts) {
  constexpr auto kHeads = std::to_array<std::string_view>({"lm_head", "output", "embed_out", "output_layer", "head"});
  return facts.role == Role::OutputHead && facts.tensor->shape.size() == 2 &&
         std::ranges::find(kHeads, last_part(split_name(facts.tensor->name).module)) != kHeads.end();
}

}  // namespace

std::optional<bool> decide_tied_head(const Checkpoint& checkpoint, std::span<TensorFacts> facts,
                                     std::vector<Finding>& findings) {
  const Tensor* embedding = nullptr;
  TensorFacts* head = nullptr;
  for (TensorFacts& row : facts) {
    if (row.layer >= 0) continue;
    if (row.role == Role::TokenEmbedding && embedding == nullptr) embedding = row.tensor;
    if (is_vocabulary_head(row)) head = &row;
  }
  // An encoder has no head to tie.
  const bool generates = std::ranges::any_of(
      facts, [](const TensorFacts& tensor) { return tensor.stack == Stack::Main || tensor.stack == Stack::Decoder; });
  if (embedding == nullptr || !generates || ArchitectureKeys(checkpoint).number("pooling_type")) return std::nullopt;
  const ConfigReader config(checkpoint.config.get());
  const bool stated = config.flag("tie_word_embeddings");
  if (head == nullptr) {
    // A classifier has no head to tie, and says so by its config's silence or refusal.
    const auto* flag = config.find({"tie_word_embeddings"});
    return flag == nullptr || stated;
  }
  const Tensor& tensor = *head->tensor;
  const bool copy = stated && tensor.dtype == embedding->dtype && std::ranges::equal(tensor.shape, embedding->shape);
  if (!copy) return false;
  head->parameters = 0;
  findings.emplace_back(
      FindingCode::TiedHeadStored, Severity::Note,
      "the config ties the head to the token embedding, yet both are stored: the head's parameters are not "
      "counted again, its bytes are");
  return true;
}

Architecture read_architecture(const Checkpoint& checkpoint, std::span<const TensorFacts> facts) {
  const Hyperparameters keys(checkpoint);
  Architecture architecture = read_stated(keys);
  if (keys.gguf()) {
    add_from_keys(keys.keys(), architecture);
  } else {
    add_from_config(keys, checkpoint, architecture);
  }
  fill_from_shapes(facts, architecture);
  return architecture;
}

}  // namespace weigh::core
