// Do config.json and the model card agree with the tensors?

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/model/hyperparameters.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

// Families whose layers are all alike and whose config determines every shape: a difference is an error, as loaders
// stop at it. In other families it may be a variation that is not known here, so it is a warning.
constexpr auto kPlainFamilies = std::to_array<std::string_view>(
    {"llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gemma", "gemma2", "phi", "phi3",
     "starcoder2", "stablelm", "olmo", "olmo2", "granite", "gpt_neox", "cohere"});

std::string_view family_of(const Model& model) {
  const ConfigReader config(model.checkpoint.config.get());
  return config.text({"model_type"});
}

Severity severity_for(const Model& model) {
  const ConfigReader config(model.checkpoint.config.get());
  const bool plain = std::ranges::find(kPlainFamilies, family_of(model)) != kPlainFamilies.end() &&
                     config.find({"block_configs", "text_config", "vision_config"}) == nullptr;
  return plain && model.checkpoint.kind == CheckpointKind::Model ? Severity::Error : Severity::Warning;
}

bool has_config(const Model& model) { return model.checkpoint.config != nullptr && is_complete(model); }

// A tensor of the language model itself, not of an encoder or a prediction block.
bool is_main(const Model& model, const TensorFacts& facts) {
  return facts.stack == Stack::Main && !facts.prediction && !model.blocks[facts.block].prediction;
}

// A matrix with the shape that the config implies.
bool is_unpacked_matrix(const TensorFacts& facts) {
  return facts.parameters == facts.tensor->elements && facts.tensor->shape.size() == 2;
}

// Collects keys that occur twice in one object while the text is parsed.
class DuplicateFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    open_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    if (!open_.back().insert(std::hash<std::string>{}(name)).second) found.insert(name);
    return found.size() < 8;
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  std::set<std::string> found;

 private:
  std::vector<std::unordered_set<std::size_t>> open_;  // hashes: a name of four letters costs no string
};

bool is_read_by_loaders(std::string_view name) {
  const std::string_view base = base_name(name);
  return base.ends_with("config.json") || base == "params.json" || base == kPipelineName ||
         base == kSentenceModulesName;
}

// Of 500,000 tensors; larger ones than that are rewritten by nobody's hand.
constexpr JsonLimits kIndexJson{kMaxSideFileBytes, 1'000'000};

// The number of parameters that a line of a model card states: "Number of Parameters: 7.61B", "| Parameters | 7B |".
std::optional<double> stated_parameters(std::string_view line) {
  const std::string text = lower(line);
  for (const std::string_view other : {"active", "activated", "embedding", "base", "teacher", "draft", "per ", "train",
                                       "optim", "expert", "vision", "text", "quant"}) {
    // Only before the number do such words make it another count: "30.5B in total and 3.3B activated" is the total.
    if (text.find(other) < text.find_first_of("0123456789")) return std::nullopt;
  }
  std::size_t at = text.find_first_not_of(" \t*|-#_");
  if (at == std::string::npos) return std::nullopt;
  for (const std::string_view word : {"total ", "number of ", "model ", "total "}) {
    if (text.compare(at, word.size(), word) == 0) at += word.size();
  }
  for (const std::string_view word : {"parameters", "parameter count", "params", "size (parameters)"}) {
    if (text.compare(at, word.size(), word) != 0) continue;
    at += word.size();
    const std::size_t digits = text.find_first_not_of(" \t*|:_~=", at);
    if (digits == std::string::npos || digits == at) return std::nullopt;
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [number_end, error] = std::from_chars(text.data() + digits, end, number, std::chars_format::fixed);
    if (error != std::errc() || number <= 0) return std::nullopt;
    std::string_view unit(number_end, static_cast<std::size_t>(end - number_end));
    unit.remove_prefix(std::min(unit.find_first_not_of(" \t"), unit.size()));
    struct Unit {
      std::string_view word;
      double factor;
    };
    constexpr auto kUnits = std::to_array<Unit>(
        {{"billion", 1e9}, {"million", 1e6}, {"trillion", 1e12}, {"b", 1e9}, {"m", 1e6}, {"t", 1e12}});
    for (const Unit& row : kUnits) {
      const bool ends =
          unit.size() == row.word.size() ||
          (unit.size() > row.word.size() && std::isalnum(static_cast<unsigned char>(unit[row.word.size()])) == 0);
      if (unit.starts_with(row.word) && ends) return number * row.factor;
    }
  }
  return std::nullopt;
}

bool is_near(double a, double b) { return a <= b * 1.1 && b <= a * 1.1; }

}  // namespace

// Those that the model itself is described by have been read, and have their findings.
void check_config_unreadable(const AuditInput& input, const FindingReporter& reporter) {
  const auto is_reported = [&](const std::string& name) {
    return input.model != nullptr && std::ranges::any_of(input.model->findings, [&](const Finding& finding) {
             return finding.code == FindingCode::ConfigUnreadable && finding.file == name;
           });
  };
  if (!input.as_folder) return;
  for (const std::string& name : input.folder->names) {
    if (!is_read_by_loaders(name) || is_reported(name)) continue;
    try {
      const ParsedJson json = read_json(*input.folder->open(name), json_limits_of(name));
      if (!json) reporter.report(fault(quote(name), json.problem, "JSON"), {.file = name});
    } catch (const Error& error) {
      reporter.report(fmt::format("{} {}", quote(name), error.what()), {.file = name});
    }
  }
}

void check_duplicate_json_key(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  for (const std::string& name : input.folder->names) {
    const bool is_index = base_name(name).ends_with(".index.json");
    if (!is_index && !is_read_by_loaders(name)) continue;
    const auto text = read_small_file(*input.folder, name);
    if (!text || !json_excess(*text, is_index ? kIndexJson : json_limits_of(name)).empty()) continue;
    DuplicateFinder finder;
    nlohmann::json::sax_parse(*text, &finder);
    for (const std::string& key : finder.found) {
      reporter.report(
          fmt::format("key {} occurs twice in one object of {}: readers differ on which they take", quote(key), name),
          {.file = name});
    }
  }
}

namespace {

// Diffusion transformers have two or more series of blocks, "transformer_blocks" and "single_transformer_blocks", each
// with a key of its own beside the main one.
constexpr auto kFurtherLayerKeys = std::to_array<std::string_view>(
    {"num_single_layers", "num_single_dit_layers", "depth_single_blocks", "num_double_layers", "num_mmdit_layers",
     "num_refiner_layers", "n_refiner_layers", "num_dual_layers"});

// The lengths of the series of blocks of the model itself, by what stands before their numbers.
std::map<std::string_view, std::uint64_t> lengths_of_series(const Model& model) {
  std::map<std::string_view, std::uint64_t> lengths;
  for (const TensorFacts& facts : model.tensors) {
    const bool counts = facts.stack == Stack::Main || facts.stack == Stack::Decoder;
    if (!counts || facts.layer < 0 || facts.prediction) continue;
    const std::string_view block = parse_name(facts.tensor->name).block;
    std::uint64_t& length = lengths[block.substr(0, block.find_last_of('.') + 1)];
    length = std::max(length, static_cast<std::uint64_t>(facts.layer) + 1);
  }
  return lengths;
}

// Of several series each stated number must be the length of one. Which is which, no rule tells for all families.
void compare_series(const Model& model, std::uint64_t main, const std::map<std::string_view, std::uint64_t>& lengths,
                    const FindingReporter& reporter) {
  std::vector<std::uint64_t> found;
  for (const auto& [name, length] : lengths) found.push_back(length);
  const auto compare = [&](std::uint64_t stated, std::string_view words) {
    if (std::ranges::find(found, stated) != found.end()) return;
    reporter.report(Severity::Warning, fmt::format("config.json states {} layers{}, the series of the tensors have {}",
                                                   stated, words, fmt::join(found, " and ")));
  };
  compare(main, "");
  const ConfigReader config(model.checkpoint.config.get());
  for (const std::string_view key : kFurtherLayerKeys) {
    const auto stated = config.number({key});
    if (stated.value_or(0) > 0) compare(*stated, fmt::format(" in {}", key));
  }
}

}  // namespace

void check_config_layers(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const auto stated = model.architecture.layers;
  if (!has_config(model) || !stated) return;
  // Families that use one block for all layers.
  for (const std::string_view shared : {"albert", "zamba", "zamba2"}) {
    if (family_of(model) == shared) return;
  }
  if (Hyperparameters(model.checkpoint).stacks()) return;  // some layers run more than once
  std::set<std::int32_t> layers;
  for (const TensorFacts& facts : model.tensors) {
    const bool counts = facts.stack == Stack::Main || facts.stack == Stack::Decoder;
    if (counts && facts.layer >= 0 && !facts.prediction) layers.insert(facts.layer);
    if (facts.stack == Stack::Encoder) return;  // of two stacks, configs do not agree on which they count
  }
  if (layers.empty()) return;
  const auto lengths = lengths_of_series(model);
  const ConfigReader config(model.checkpoint.config.get());
  const bool has_series =
      std::ranges::any_of(kFurtherLayerKeys, [&](auto key) { return config.number({key}).value_or(0) > 0; });
  if (has_series && lengths.size() > 1) return compare_series(model, *stated, lengths, reporter);
  const auto found = static_cast<std::uint64_t>(*layers.rbegin()) + 1;
  if (found == *stated) return;
  if (found < *stated) {
    return reporter.report(severity_for(model),
                           fmt::format("config.json states {} layers, the tensors have {}: {} are not "
                                       "there",
                                       *stated, found, *stated - found));
  }
  if (found - *stated <= model.architecture.prediction_layers.value_or(0)) return;
  reporter.report(Severity::Warning,
                  fmt::format("config.json states {} layers, the tensors have {}: a loader leaves out the "
                              "last {}",
                              *stated, found, found - *stated));
}

void check_config_heads(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const Architecture& architecture = model.architecture;
  const ConfigReader config(model.checkpoint.config.get());
  if (!has_config(model) || !architecture.heads || !architecture.kv_heads || !architecture.head_size_k) return;
  if (!architecture.kv_heads_per_layer.empty() || config.find({"global_head_dim", "block_configs", "kv_lora_rank"}))
    return;
  struct Projection {
    Role role;
    std::string_view name;
    std::uint64_t heads;
  };
  for (const Projection& row : {Projection{Role::AttentionQ, "q_proj", *architecture.heads},
                                Projection{Role::AttentionK, "k_proj", *architecture.kv_heads}}) {
    std::set<std::uint64_t> rows;
    const TensorFacts* first = nullptr;
    for (const TensorFacts& facts : model.tensors) {
      if (facts.role != row.role || !is_main(model, facts) || !is_unpacked_matrix(facts)) continue;
      if (!facts.tensor->name.ends_with(".weight") || facts.tensor->name.find(row.name) == std::string_view::npos)
        continue;
      rows.insert(facts.tensor->shape[0]);
      if (first == nullptr) first = &facts;
    }
    if (first == nullptr || rows.size() != 1) continue;  // none, or layers that differ on purpose
    const auto expected = row.heads * *architecture.head_size_k;
    if (*rows.begin() == expected) continue;
    if (row.role == Role::AttentionQ && *rows.begin() == 2 * expected) continue;  // with a gate for each head
    reporter.report(severity_for(model),
                    fmt::format("config.json states {} {} of {}, which makes {} rows; {} has {}", row.heads,
                                row.role == Role::AttentionQ ? "heads" : "KV heads", *architecture.head_size_k,
                                expected, quote(first->tensor->name), *rows.begin()),
                    {.file = first->file->name, .tensor = std::string(first->tensor->name)});
  }
}

namespace {

// The token embedding outside of blocks.
const TensorFacts* embedding_of(const Model& model) {
  for (const TensorFacts& facts : model.tensors) {
    const bool is_table = facts.role == Role::TokenEmbedding && facts.layer < 0 && is_unpacked_matrix(facts);
    if (is_table && facts.tensor->name.find("per_layer") == std::string_view::npos) return &facts;
  }
  return nullptr;
}

}  // namespace

void check_config_width(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const TensorFacts* embedding = has_config(model) ? embedding_of(model) : nullptr;
  const auto stated = model.architecture.embedding_length;
  const ConfigReader config(model.checkpoint.config.get());
  if (embedding == nullptr || !stated || config.find({"embedding_size", "word_embed_proj_dim"})) return;
  if (embedding->tensor->shape[1] == *stated) return;
  reporter.report(severity_for(model),
                  fmt::format("config.json states a width of {}, {} has {} columns", *stated,
                              quote(embedding->tensor->name), embedding->tensor->shape[1]),
                  {.file = embedding->file->name, .tensor = std::string(embedding->tensor->name)});
}

void check_config_vocabulary(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const TensorFacts* embedding = has_config(model) ? embedding_of(model) : nullptr;
  const auto stated = model.architecture.vocab_size;
  if (embedding == nullptr || !stated || embedding->tensor->shape[0] == *stated) return;
  const std::uint64_t rows = embedding->tensor->shape[0];
  const Location location{.file = embedding->file->name, .tensor = std::string(embedding->tensor->name)};
  if (rows > *stated) {
    return reporter.report(Severity::Note,
                           fmt::format("the vocabulary is padded: config.json states {}, {} has {} rows", *stated,
                                       quote(embedding->tensor->name), rows),
                           location);
  }
  reporter.report(severity_for(model),
                  fmt::format("config.json states a vocabulary of {}, {} has only {} rows", *stated,
                              quote(embedding->tensor->name), rows),
                  location);
}

namespace {

std::optional<Dtype> stated_dtype(std::string_view text) {
  struct Row {
    std::string_view word;
    Dtype dtype;
  };
  constexpr auto kRows = std::to_array<Row>({{"float64", Dtype::F64},
                                             {"float32", Dtype::F32},
                                             {"float", Dtype::F32},
                                             {"fp32", Dtype::F32},
                                             {"float16", Dtype::F16},
                                             {"half", Dtype::F16},
                                             {"fp16", Dtype::F16},
                                             {"bfloat16", Dtype::BF16},
                                             {"bf16", Dtype::BF16},
                                             {"float8_e4m3fn", Dtype::F8_E4M3},
                                             {"float8_e5m2", Dtype::F8_E5M2}});
  constexpr std::string_view kTorch = "torch.";
  if (text.starts_with(kTorch)) text.remove_prefix(kTorch.size());
  const auto* row = std::ranges::find(kRows, lower(text), &Row::word);
  return row == kRows.end() ? std::nullopt : std::optional(row->dtype);
}

bool is_e4m3(Dtype dtype) { return dtype == Dtype::F8_E4M3 || dtype == Dtype::F8_E4M3FNUZ; }
bool is_e5m2(Dtype dtype) { return dtype == Dtype::F8_E5M2 || dtype == Dtype::F8_E5M2FNUZ; }

// "fmt" beside "quant_method": "fp8" names the layout of the 8-bit floats.
void check_fp8_format(const Model& model, const ConfigReader& config, const FindingReporter& reporter) {
  const std::string_view stated = config.text({"quantization_config.fmt", "quantization.fmt"});
  const std::string word = lower(stated);
  const bool e4m3 = word == "e4m3" || word == "e4m3fn" || word == "float8_e4m3fn";
  if (!e4m3 && word != "e5m2" && word != "float8_e5m2") return;
  SaturatingSum as_stated, other;
  Dtype found = Dtype::F8_E4M3;
  for (const TensorFacts& facts : model.tensors) {
    const Dtype dtype = facts.tensor->dtype;
    if ((!is_e4m3(dtype) && !is_e5m2(dtype)) || facts.tensor->shape.size() < 2) continue;
    const bool agrees = is_e4m3(dtype) == e4m3;
    (agrees ? as_stated : other).add(facts.tensor->elements);
    if (!agrees) found = dtype;
  }
  if (other.value <= as_stated.value) return;
  reporter.report(
      fmt::format("config.json states {} for its 8-bit floats, most of them are {}", quote(stated), name(found)),
      {.file = "config.json"});
}

// The word between two points of "model.fp16.safetensors" is the file's own claim, which the config is not about.
bool is_variant(std::string_view name) { return std::ranges::count(base_name(name), '.') > 1; }

}  // namespace

void check_config_dtype(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const ConfigReader config(model.checkpoint.config.get());
  if (has_config(model) && !is_variant(model.checkpoint.files.front().name)) check_fp8_format(model, config, reporter);
  const std::string_view text = config.text({"dtype", "torch_dtype"});
  const auto stated = stated_dtype(text);
  if (!has_config(model) || !stated || is_variant(model.checkpoint.files.front().name)) return;
  std::map<Dtype, std::uint64_t> sums;
  SaturatingSum all;
  for (const TensorFacts& facts : model.tensors) {
    const Dtype dtype = facts.tensor->dtype;
    const bool wide = dtype == Dtype::F64 || dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16;
    const bool narrow = dtype == Dtype::F8_E4M3 || dtype == Dtype::F8_E5M2;
    // What a scheme packs has the type that the scheme says.
    if (!wide && !(narrow && !model.quantization)) continue;
    if (facts.parameters != facts.tensor->elements || facts.tensor->shape.size() < 2) continue;
    sums[dtype] = checked_add(sums[dtype], facts.tensor->elements).value_or(UINT64_MAX);
    all.add(facts.tensor->elements);
  }
  const auto most = std::ranges::max_element(sums, {}, [](const auto& row) { return row.second; });
  if (most == sums.end() || sums[*stated] >= all.value / 2) return;
  reporter.report(fmt::format("config.json states {}, most of the weights {}are {}", quote(text),
                              model.quantization ? "that are not packed " : "", name(most->first)),
                  {.file = "config.json"});
}

void check_experts_absent(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  if (!is_complete(model) || model.experts || is_gguf(model.checkpoint)) return;
  const auto stated = Hyperparameters(model.checkpoint).number("expert_count");
  if (stated.value_or(0) < 2) return;
  reporter.report(fmt::format("config.json states {} experts, no tensor belongs to any", *stated));
}

void check_card_parameters(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder || !is_complete(*input.model) || input.model->checkpoint.kind != CheckpointKind::Model) return;
  if (!input.model->parameters_known || !input.folder->has("README.md")) return;
  const auto card = read_small_file(*input.folder, "README.md");
  if (!card) return;
  const auto total = static_cast<double>(input.model->total_parameters);
  std::uint64_t table = 0;  // cards may count a tied embedding twice, and leave out prediction blocks
  for (const RoleTotals& row : input.model->by_role) {
    if (row.role == Role::TokenEmbedding) table = row.parameters;
  }
  const auto others = static_cast<double>(input.model->prediction ? input.model->prediction->parameters : 0);
  std::optional<std::string> mismatch;
  for (std::size_t begin = 0; begin < card->size();) {
    const std::size_t end = std::min(card->find('\n', begin), card->size());
    const std::string_view line = std::string_view(*card).substr(begin, end - begin);
    begin = end + 1;
    const auto stated = line.size() < 300 ? stated_parameters(line) : std::nullopt;
    if (!stated) continue;
    const bool agrees = is_near(*stated, total) || is_near(*stated, total + static_cast<double>(table)) ||
                        is_near(*stated, total - static_cast<double>(table)) || is_near(*stated, total - others);
    if (agrees) return;  // one right statement is enough: others may be about other models
    if (!mismatch)
      mismatch =
          fmt::format("README.md states {:.4g} B parameters, the tensors have {:.4g} B", *stated / 1e9, total / 1e9);
  }
  if (mismatch) reporter.report(*mismatch, {.file = "README.md"});
}

}  // namespace weigh::core
