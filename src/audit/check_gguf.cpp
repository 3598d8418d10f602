// Do a GGUF file's keys and name agree with its tensors, and do the layers of a model have the same shapes?

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/model/hyperparameters.h"
#include "src/quantize/quantization_name.h"
#include "src/quantize/quantize_types.h"

namespace weigh::core {

namespace {

// Keys of adapters, projectors and vocabularies may be about the model that these belong to.
bool is_whole_model(const Model& model) {
  return is_complete(model) && !model.projector && model.architecture.name.value_or("") != "clip" &&
         model.total_parameters > 0 && model.parameters_known;
}

const Metadata* metadata_of(const Model& model) { return ArchitectureKeys(model.checkpoint).metadata(); }

bool is_block_weight(const TensorFacts& facts) {
  return facts.layer >= 0 && facts.tensor->shape.size() >= 2 && facts.role != Role::Router &&
         facts.role != Role::Norm && facts.tensor->elements >= 1024;
}

// "8x7B" as {8, 7e9}; "0.5B", "270M".
struct SizeLabel {
  double experts = 1;
  double parameters = 0;
};

std::optional<SizeLabel> parse_label(std::string_view text) {
  SizeLabel label;
  const auto number = [&](double& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || value <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  double first = 0;
  if (!number(first)) return std::nullopt;
  if (text.starts_with('x') || text.starts_with('X')) {
    text.remove_prefix(1);
    label.experts = first;
    if (!number(first)) return std::nullopt;
  }
  if (text.size() != 1) return std::nullopt;
  switch (std::toupper(static_cast<unsigned char>(text[0]))) {
    case 'M': label.parameters = first * 1e6; break;
    case 'B': label.parameters = first * 1e9; break;
    case 'T': label.parameters = first * 1e12; break;
    default: return std::nullopt;
  }
  return label;
}

// Labels are round figures, and vendors differ on embeddings: a "7B" may have 8.5 B, an "8x7B" 46.7 B.
bool agrees(const SizeLabel& label, const Model& model) {
  const auto total = static_cast<double>(model.total_parameters);
  const double all = label.experts * label.parameters;
  const auto plain = [&](double parameters) {
    return parameters >= label.parameters * 0.55 && parameters <= label.parameters * 1.8;
  };
  if (label.experts <= 1) return plain(total);
  if (total >= all * 0.45 && total <= all * 1.3) return true;
  // llama.cpp's converter puts what a model of one of the experts would have behind the "x": "16x17B" of 108 B.
  if (!model.experts || static_cast<double>(model.experts->count) != label.experts) return false;
  const auto experts = static_cast<double>(model.experts->parameters);
  return plain(total - experts + experts / label.experts);
}

std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool point = c == '.' && i > 0 && i + 1 < name.size() &&
                       std::isdigit(static_cast<unsigned char>(name[i - 1])) != 0 &&
                       std::isdigit(static_cast<unsigned char>(name[i + 1])) != 0;
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || point) {
      parts.back() += c;
    } else if (!parts.back().empty()) {
      parts.emplace_back();
    }
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

// Names have "_" where a point does not do: "stablelm-2-1_6b".
std::string with_points(std::string_view name) {
  std::string text(name);
  const auto is_digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(name[i])) != 0; };
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] == '_' && is_digit(i - 1) && is_digit(i + 1)) text[i] = '.';
  }
  return text;
}

// Digits without the rest, which no size has: "0129b" and "1234567b" are pieces of digests.
bool is_digest_piece(std::string_view part) {
  constexpr std::size_t kMaxDigits = 4;  // of a size: "1800B"
  const std::size_t digits = std::min(part.find_first_not_of("0123456789"), part.size());
  return digits > kMaxDigits || (digits > 1 && part.starts_with('0'));
}

bool is_digest_word(std::string_view part) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"sha", "sha1", "sha256", "sha512", "md5", "blake2b", "blake3", "crc32", "digest", "hash", "commit", "rev"});
  return std::ranges::find(kWords, lower(part)) != kWords.end();
}

// "4466554a", as the pieces of a UUID are; "12345678" is one as well.
bool is_hexadecimal(std::string_view part, std::size_t digits) { return part.size() == digits && is_hex(lower(part)); }

// 550e8400-e29b-41d4-a716-446655440000: pieces of 8, 4, 4, 4 and 12 digits, of which `at` is one.
bool is_in_uuid(std::span<const std::string> parts, std::size_t at) {
  constexpr auto kDigits = std::to_array<std::size_t>({8, 4, 4, 4, 12});
  for (std::size_t first = at < kDigits.size() ? 0 : at - kDigits.size() + 1; first <= at; ++first) {
    if (first + kDigits.size() > parts.size()) break;
    bool all = true;
    for (std::size_t i = 0; i < kDigits.size(); ++i) all = all && is_hexadecimal(parts[first + i], kDigits[i]);
    if (all) return true;
  }
  return false;
}

// "16E", "128E": so many experts. The size next to it is what works on a token: "17B-16E" has 108 B.
bool is_expert_count(std::string_view part) {
  const std::size_t digits = part.find_first_not_of("0123456789");
  return digits != 0 && digits + 1 == part.size() && (part.back() == 'E' || part.back() == 'e');
}

// Words that make the size before or after them one of something else: "3B-active", "30B-tokens".
bool is_about_another_count(std::string_view part) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"act", "active", "activated", "token", "tokens", "tok", "ctx", "context", "vocab", "samples", "steps"});
  return is_expert_count(part) || std::ranges::find(kWords, lower(part)) != kWords.end();
}

// The parts of a name that are sizes of the model: "Mixtral-8x7B-v0.1" has "8x7B", "Qwen3-235B-A22B" has "235B".
std::vector<std::string> labels_in(std::string_view name) {
  std::vector<std::string> labels;
  const std::vector<std::string> parts = parts_of(with_points(name));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parse_label(parts[i]) || is_digest_piece(parts[i]) || is_in_uuid(parts, i)) continue;
    const auto beside = [&](auto matches) {
      return (i > 0 && matches(parts[i - 1])) || (i + 1 < parts.size() && matches(parts[i + 1]));
    };
    if (beside(is_about_another_count) || (i > 0 && is_digest_word(parts[i - 1]))) continue;
    labels.push_back(parts[i]);
  }
  return labels;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("{}", fmt::join(shape.begin(), shape.end(), " x "));
}

// The tensors of one name, one of each layer.
struct Series {
  std::map<std::vector<std::uint64_t>, std::vector<std::int32_t>> layers_by_shape;
  std::map<std::vector<std::uint64_t>, const TensorFacts*> first;
  std::size_t count = 0;
};

std::map<std::string, Series> series_of(const Model& model) {
  std::map<std::string, Series> all;
  for (const TensorFacts& facts : model.tensors) {
    // Packed tensors of one name differ when their bits do. Single experts have one more number in their names.
    if (facts.layer < 0 || facts.prediction || facts.parameters != facts.tensor->elements) continue;
    if (facts.routed_expert && facts.tensor->shape.size() < 3) continue;
    const NameParts parts = parse_name(facts.tensor->name);
    if (parts.layer != facts.layer) continue;
    Series& series = all[std::to_string(static_cast<int>(facts.stack)) + std::string(parts.rest)];
    std::vector<std::uint64_t> shape(facts.tensor->shape.begin(), facts.tensor->shape.end());
    series.first.emplace(shape, &facts);
    series.layers_by_shape[std::move(shape)].push_back(facts.layer);
    ++series.count;
  }
  return all;
}

}  // namespace

void check_gguf_block_count(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const ArchitectureKeys keys(model.checkpoint);
  const auto stated = keys.number("block_count");
  if (!is_whole_model(model) || !stated) return;
  const auto stacks = Hyperparameters(model.checkpoint).stacks();
  const std::uint64_t stored = stacks && stacks->slots == *stated ? stacks->stored() : *stated;
  std::int32_t last = -1;
  for (const TensorFacts& facts : model.tensors) {
    if (facts.tensor->name.starts_with("blk.")) last = std::max(last, facts.layer);
  }
  const auto found = static_cast<std::uint64_t>(last + 1);
  if (last < 0 || found == stored) return;
  const Location location{.file = model.checkpoint.files.front().name};
  if (found < stored && keys.name() != "deci") {
    return reporter.report(
        fmt::format("{}.block_count states {} blocks, the tensors have {}", keys.name(), *stated, found), location);
  }
  reporter.report(Severity::Warning,
                  fmt::format("{}.block_count states {} blocks, the tensors have {}", keys.name(), *stated, found),
                  location);
}

namespace {

// Element types by the words for them: the quantizer's file types, and every type of the table.
std::map<std::string, Dtype> type_words() {
  std::map<std::string, Dtype> words{{"fp16", Dtype::F16}, {"fp32", Dtype::F32}};
  for (const DtypeInfo& row : dtypes()) {
    const bool is_integer = row.name.starts_with("I8") || row.name.starts_with("I16") || row.name.starts_with("I32") ||
                            row.name.starts_with("I64");
    // Only arithmetic uses these two; "Q8_K_XL" is a vendor's word.
    const bool is_stored = row.id != Dtype::Q8_1 && row.id != Dtype::Q8_K;
    if (row.ggml_id >= 0 && !is_integer && is_stored) words.emplace(lower(row.name), row.id);
  }
  for (const QuantizerType& row : quantizer_types()) {
    words.emplace(lower(row.name), row.default_dtype);
    if (!row.alias.empty()) words.emplace(lower(row.alias), row.default_dtype);
  }
  return words;
}

struct TypeWord {
  std::string word;
  Dtype dtype;
};

// The types in a name, of several that begin at one place the longest: "Qwen3-8B-Q4_K_M" has Q4_K_M, "-UD-Q3_K_XL" Q3_K.
std::vector<TypeWord> types_in(std::string_view name) {
  static const std::map<std::string, Dtype> words = type_words();
  const std::string text = lower(name);
  const auto is_letter = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  std::vector<TypeWord> found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && is_letter(i - 1)) continue;
    std::string_view best;
    for (const auto& [word, dtype] : words) {
      if (word.size() > best.size() && text.compare(i, word.size(), word) == 0 && !is_letter(i + word.size()))
        best = word;
    }
    if (best.empty()) continue;
    found.push_back({std::string(name.substr(i, best.size())), words.at(std::string(best))});
    i += best.size() - 1;
  }
  return found;
}

// The weights of a model's blocks by their types.
struct BlockTypes {
  std::map<Dtype, std::uint64_t> elements;
  SaturatingSum all;
  double bits = 0;  // per weight

  explicit BlockTypes(const Model& model) {
    double total = 0;
    for (const TensorFacts& facts : model.tensors) {
      if (!is_block_weight(facts)) continue;
      elements[facts.tensor->dtype] =
          checked_add(elements[facts.tensor->dtype], facts.tensor->elements).value_or(UINT64_MAX);
      all.add(facts.tensor->elements);
      total += static_cast<double>(facts.tensor->bytes) * 8;
    }
    if (all.value != 0) bits = total / static_cast<double>(all.value);
  }

  [[nodiscard]] std::string_view most() const {
    return name(std::ranges::max_element(elements, {}, [](const auto& row) { return row.second; })->first);
  }
};

// Whether no weight has the type, though at least half of them are in rows of whole blocks of it: the quantizer uses
// types of smaller blocks for the others.
bool is_used_nowhere(const Model& model, const BlockTypes& found, Dtype dtype) {
  if (found.all.value == 0 || found.elements.contains(dtype)) return false;
  const std::uint64_t block = info(dtype).block_elements;
  SaturatingSum divisible;
  for (const TensorFacts& facts : model.tensors) {
    if (is_block_weight(facts) && block != 0 && facts.tensor->shape.back() % block == 0)
      divisible.add(facts.tensor->elements);
  }
  return divisible.value >= found.all.value / 2;
}

// Mixes that are made tensor by tensor ("UD-Q2_K_XL") go by the size of the type they are named after, and may hold none
// of it.
bool is_of_that_size(const BlockTypes& found, std::string_view file, Dtype dtype) {
  const std::vector<std::string> parts = parts_of(file);
  const bool dynamic = std::ranges::any_of(
      parts, [](const std::string& part) { return same_letters(part, "ud") || same_letters(part, "dynamic"); });
  const DtypeInfo& type = info(dtype);
  if (!dynamic || type.block_elements == 0) return false;
  const double stated = static_cast<double>(type.block_bits) / type.block_elements;
  return found.bits > stated / 2 && found.bits < stated * 2;
}

// Holds general.file_type against what the quantizer makes of such a model tensor by tensor.
void report_stated_plan(const Model& model, const FindingReporter& reporter) {
  const auto found = followed_plan(model);
  if (!found || found->claimed == nullptr) return;
  const std::string& file = model.checkpoint.files.front().name;
  if (found->contradicted()) {
    reporter.report(
        fmt::format("general.file_type states {}, the tensors are {}", found->claimed->name, found_title(*found)),
        {.file = file});
  } else if (found->unquantized != 0) {
    const TensorFacts& first = *found->first_unquantized;
    reporter.report(
        Severity::Note,
        fmt::format("general.file_type states {}, {} of the {} tensors that it stands for are not quantised, "
                    "{} first, which is {}",
                    found->claimed->name, found->unquantized, found->tensors, quote(first.tensor->name),
                    name(first.tensor->dtype)),
        {.file = first.file->name, .tensor = std::string(first.tensor->name)});
  }
}

}  // namespace

void check_gguf_file_type(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const Metadata* metadata = metadata_of(model);
  if (!is_whole_model(model) || metadata == nullptr) return;
  const BlockTypes found(model);
  const std::string& file = model.checkpoint.files.front().name;
  const auto report_claim = [&](std::string_view where, std::string_view type, Dtype dtype) {
    reporter.report(fmt::format("{} states {}, no weight is {}: most are {}", where, type, name(dtype), found.most()),
                    {.file = file});
  };
  report_stated_plan(model, reporter);
  const auto check_words = [&](std::string_view where, const std::vector<TypeWord>& words) {
    const auto wrong = [&](const TypeWord& word) {
      return is_used_nowhere(model, found, word.dtype) && !is_of_that_size(found, base_name(file), word.dtype);
    };
    if (!words.empty() && std::ranges::all_of(words, wrong))
      report_claim(where, words.front().word, words.front().dtype);
  };
  check_words("the file's name", types_in(base_name(file)));
  // A name inside the file may be that of the model it was made from, "Tiny BF16".
  std::vector<TypeWord> words = types_in(metadata->string("general.name").value_or(""));
  std::erase_if(words, [](const TypeWord& word) {
    return word.dtype == Dtype::F32 || word.dtype == Dtype::F16 || word.dtype == Dtype::BF16;
  });
  check_words("general.name", words);
}

void check_gguf_vocabulary(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const Metadata* metadata = metadata_of(model);
  if (!is_whole_model(model) || metadata == nullptr) return;
  const MetadataEntry* tokens = metadata->find("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->type != ValueType::Array) return;
  for (const TensorFacts& facts : model.tensors) {
    if (facts.tensor->name != "token_embd.weight" || facts.tensor->shape.size() != 2) continue;
    const std::uint64_t rows = facts.tensor->shape[0];
    if (rows == tokens->count) return;
    reporter.report(rows < tokens->count ? Severity::Warning : Severity::Note,
                    fmt::format("tokenizer.ggml.tokens has {} tokens, {} has {} rows", tokens->count,
                                quote(facts.tensor->name), rows),
                    {.file = facts.file->name, .tensor = std::string(facts.tensor->name), .offset = tokens->offset});
  }
}

void check_size_label(const AuditInput& input, const FindingReporter& reporter) {
  const Model& model = *input.model;
  const Metadata* metadata = metadata_of(model);
  if (!is_whole_model(model) || metadata == nullptr) return;
  const auto total = static_cast<double>(model.total_parameters);
  const ModelFile& first = model.checkpoint.files.front();
  const auto report_label = [&](std::string_view where, std::string_view label) {
    reporter.report(fmt::format("{} says {}, the tensors have {:.4g} B parameters", where, label, total / 1e9),
                    {.file = first.name});
  };
  if (const auto stated = metadata->string("general.size_label")) {
    const auto label = parse_label(*stated);  // "30B-A3B" and "E4B" are not parsed: vendors count them differently
    if (label && !agrees(*label, model)) report_label("general.size_label", *stated);
  }
  // A name may mention other models, such as a distillation's teacher: it is wrong when none of its labels is right.
  const std::vector<std::string> labels = labels_in(base_name(first.name));
  const auto right = [&](const std::string& label) { return agrees(*parse_label(label), model); };
  if (labels.empty() || std::ranges::any_of(labels, right)) return;
  const bool billions = labels.size() == 1 && std::toupper(static_cast<unsigned char>(labels.front().back())) == 'B';
  if (billions) report_label("the file's name", labels.front());
}

void check_layer_shape(const AuditInput& input, const FindingReporter& reporter) {
  if (!is_complete(*input.model)) return;
  std::size_t varied = 0;
  std::string example;
  for (const auto& [name, series] : series_of(*input.model)) {
    if (series.layers_by_shape.size() < 2) continue;
    const auto most =
        std::ranges::max_element(series.layers_by_shape, {}, [](const auto& row) { return row.second.size(); });
    const auto odd =
        std::ranges::find_if(series.layers_by_shape, [&](const auto& row) { return row.first != most->first; });
    const TensorFacts& facts = *series.first.at(odd->first);
    const bool alone = series.layers_by_shape.size() == 2 && odd->second.size() == 1 && series.count >= 4;
    if (alone) {
      reporter.report(
          fmt::format("tensor {} has the shape {}, that of the other {} layers is {}", quote(facts.tensor->name),
                      shape_text(odd->first), most->second.size(), shape_text(most->first)),
          {.file = facts.file->name, .tensor = std::string(facts.tensor->name)});
    } else if (varied++ == 0) {
      example = std::string(facts.tensor->name);
    }
  }
  if (varied == 0) return;
  reporter.report(Severity::Note, fmt::format("layers differ in the shapes of {} tensor{}, {} first", varied,
                                              varied == 1 ? "" : "s", quote(example)));
}

}  // namespace weigh::core
