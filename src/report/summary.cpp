#include "src/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "formats/checked.h"
#include "src/model/naming/roles.h"
#include "src/report/fit_words.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

struct Kind {
  CheckpointKind kind;
  std::string_view words;
};

constexpr std::array kKinds{
    Kind{CheckpointKind::Adapter, "adapter, not a whole model"},
    Kind{CheckpointKind::Component, "one component of a pipeline"},
};

constexpr std::uint64_t kContextRounding = 256;  // an engine rounds a context up to multiples of this
constexpr std::size_t kMaxDtypes = 6;            // named in the line of dtypes
constexpr std::uint64_t kSmallPart = 500;        // a part below 1/500 of the bytes is one of the "others"

/// Bits of a plain type, for the what-if line.
struct PlainType {
  std::string_view name;
  std::uint64_t bits;
};

constexpr std::array kPlainTypes{PlainType{"int4", 4}, PlainType{"int8", 8}, PlainType{"f16", 16},
                                 PlainType{"f32", 32}};

void add(std::string& list, std::string_view part) {
  if (!list.empty()) list += ", ";
  list += part;
}

std::string bytes_text(std::uint64_t bytes, bool exact) {
  return exact && bytes >= 1024 ? grouped(bytes) + " bytes" : human_bytes(bytes);
}

/// "46.70 B (46,702,792,704)"; small numbers once.
std::string both(std::uint64_t parameters) {
  return parameters < 1000 ? grouped(parameters)
                           : fmt::format("{} ({})", human_parameters(parameters), grouped(parameters));
}

std::string parameters_text(const Model& model) {
  if (model.total_parameters == 0) return "none: no tensor holds weights";
  std::string text = both(model.total_parameters);
  if (!model.parameters_known) {
    return fmt::format("unknown: {} stored elements, and how many weights they hold is not known", text);
  }
  if (!model.active_parameters) return text + "; how many work on one token is not stated";
  if (*model.active_parameters != model.total_parameters) {
    text += fmt::format(", {} active per token", human_parameters(*model.active_parameters));
  }
  return text;
}

std::string experts_text(const Experts& experts) {
  std::string text = fmt::format("{} in each of {}", grouped(experts.count), counted(experts.layers, "layer"));
  text += experts.used ? fmt::format(", {} used per token", grouped(*experts.used)) : ", used per token not stated";
  if (experts.shared > 0) text += fmt::format(", {} shared", grouped(experts.shared));
  return text +
         fmt::format("; {} parameters, {}", human_parameters(known_parameters(experts)), human_bytes(experts.bytes));
}

/// "24.62 GiB (26,440,753,152 bytes)"; few bytes once.
std::string size_and_bytes(std::uint64_t bytes) {
  return bytes < 1024 ? human_bytes(bytes) : fmt::format("{} ({} bytes)", human_bytes(bytes), grouped(bytes));
}

std::string weights_text(const Model& model) {
  std::string text = size_and_bytes(model.weight_bytes);
  const auto bits = model.bits_per_weight();
  if (bits) text += fmt::format(", {:.2f} bits per weight", *bits);
  if (!model.checkpoint.files.empty()) text += ", " + counted(model.tensor_count(), "tensor");
  return text;
}

/// Largest first; the small ones together unless `all`. "routed expert 45.10 B (25.43 GiB), attention 1.34 B (730.0
/// MiB), ..."
std::string parts_text(const Model& model, bool all) {
  std::vector<RoleTotals> parts;
  for (const RoleTotals& row : model.by_role) {
    const auto same = [&](const RoleTotals& part) { return part_name(part.role) == part_name(row.role); };
    const auto known = std::find_if(parts.begin(), parts.end(), same);
    if (known == parts.end()) {
      parts.push_back(row);
    } else {
      known->parameters += row.parameters;
      known->bytes += row.bytes;
      known->parameters_known = known->parameters_known && row.parameters_known;
    }
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const RoleTotals& a, const RoleTotals& b) { return a.bytes > b.bytes; });
  std::string text;
  RoleTotals others;
  for (const RoleTotals& part : parts) {
    if (!all && part.bytes < model.weight_bytes / kSmallPart) {
      others.parameters += part.parameters;
      others.bytes += part.bytes;
      others.parameters_known = others.parameters_known && part.parameters_known;
      continue;
    }
    const std::string parameters = part.parameters > 0 ? " " + human_parameters(known_parameters(part)) : "";
    add(text, fmt::format("{}{} ({})", part_name(part.role), parameters, human_bytes(part.bytes)));
  }
  if (others.bytes > 0) {
    add(text, fmt::format("others {} ({})", human_parameters(known_parameters(others)), human_bytes(others.bytes)));
  }
  return text;
}

std::string prediction_text(const Prediction& prediction) {
  std::string text = fmt::format("{} parameters, {} in {} for multi-token prediction, in the totals above",
                                 human_parameters(known_parameters(prediction)), human_bytes(prediction.bytes),
                                 counted(prediction.blocks, "block"));
  if (prediction.copied_parameters > 0) {
    text += fmt::format("; {} of them copies of the embedding and the head",
                        human_parameters(prediction.copied_parameters));
  }
  return text;
}

/// What weigh counts as active, and what the cards of models count.
std::string conventions_text(const Model& model) {
  const ActiveConventions& conventions = *model.active_conventions;
  return fmt::format("{} with embeddings and head; {} without one embedding; {} without both",
                     grouped(*model.active_parameters), grouped(conventions.without_embedding),
                     grouped(conventions.without_embedding_and_head));
}

/// "8 KV heads", or in how many layers they are where the others have none.
std::string kv_heads_text(const Architecture& architecture) {
  std::string text = counted(*architecture.kv_heads, "KV head");
  const auto& layers = architecture.kv_heads_per_layer;
  if (layers.empty()) return text;
  const auto with = std::count_if(layers.begin(), layers.end(), [](std::uint64_t heads) { return heads > 0; });
  return text + fmt::format(" in {} of {} layers", with, layers.size());
}

std::string window_text(const Architecture& architecture) {
  std::string text = "sliding window " + grouped(*architecture.sliding_window);
  if (architecture.sliding_layers && architecture.layers) {
    text += fmt::format(" in {} of {} layers", *architecture.sliding_layers, *architecture.layers);
  } else if (architecture.sliding_window_pattern) {
    text += fmt::format(", one layer of {} sees everything", *architecture.sliding_window_pattern);
  }
  return text;
}

std::string network_text(const Architecture& architecture) {
  std::string text;
  if (architecture.layers) add(text, counted(*architecture.layers, "layer"));
  if (architecture.embedding_length) add(text, "embedding " + grouped(*architecture.embedding_length));
  if (architecture.heads.value_or(0) > 0) {
    const bool sized = architecture.head_size_k.has_value();
    add(text, counted(*architecture.heads, "head") + (sized ? " of " + grouped(*architecture.head_size_k) : ""));
  }
  if (architecture.kv_heads.value_or(0) > 0) add(text, kv_heads_text(architecture));
  if (architecture.context_length) add(text, "context " + grouped(*architecture.context_length));
  if (architecture.sliding_window) add(text, window_text(architecture));
  if (architecture.vocab_size) add(text, "vocabulary " + grouped(*architecture.vocab_size));
  if (architecture.tied_embeddings.value_or(false)) add(text, "head tied to the embedding");
  return text;
}

std::string adapter_text(const AdapterFacts& adapter) {
  std::string text;
  if (adapter.rank) add(text, "rank " + grouped(*adapter.rank));
  if (adapter.alpha) add(text, fmt::format("alpha {}", *adapter.alpha));
  if (!adapter.target_modules.empty()) add(text, fmt::format("on {}", fmt::join(adapter.target_modules, ", ")));
  return text;
}

std::string projector_text(const ProjectorFacts& projector) {
  std::string text = projector.type.value_or("");
  if (projector.image_size) add(text, fmt::format("images of {} pixels", *projector.image_size));
  if (projector.patch_size) add(text, fmt::format("patches of {}", *projector.patch_size));
  if (projector.projection_length) add(text, "for an embedding of " + grouped(*projector.projection_length));
  return text;
}

/// What comes along with the network: tokenizer, chat template, where it is from.
std::string origin_text(const Architecture& architecture) {
  std::string text;
  if (architecture.tokenizer) add(text, "tokenizer " + *architecture.tokenizer);
  if (architecture.chat_template) add(text, "chat template");
  if (architecture.base_model) add(text, "made from " + *architecture.base_model);
  if (architecture.license) add(text, "licence " + *architecture.license);
  return text;
}

/// "Q4_K 20.04 GiB (75.6 %), Q6_K 5.84 GiB (22.1 %)", the largest first; the small ones together.
std::string dtypes_text(const Model& model) {
  std::string text;
  std::size_t shown = 0;
  std::size_t others = 0;
  for (const DtypeTotals& row : model.by_dtype) {
    if (row.bytes < model.weight_bytes / kSmallPart || shown == kMaxDtypes) {
      ++others;
      continue;
    }
    ++shown;
    const double share =
        static_cast<double>(row.bytes) / static_cast<double>(std::max<std::uint64_t>(1, model.weight_bytes));
    add(text, fmt::format("{} {} ({:.1f} %)", row.dtype, human_bytes(row.bytes), share * 100));
  }
  if (others > 0) add(text, counted(others, "other"));
  return text;
}

std::string quantization_text(const Quantization& quantization) {
  std::string text = scheme_title(quantization.scheme, quantization.bits);
  if (quantization.group_size) add(text, "groups of " + grouped(*quantization.group_size));
  return text;
}

}  // namespace

std::string kind_of(const Model& model) {
  const Checkpoint& checkpoint = model.checkpoint;
  if (checkpoint.files.empty()) return checkpoint.path.empty() ? "estimate, no file" : "GGUF, predicted";
  const ModelFile& first = checkpoint.files.front();
  std::string text = first.format == Format::Gguf ? fmt::format("GGUF v{}", first.version) : "safetensors";
  if (first.byte_order == std::endian::big) text += " big-endian";
  if (checkpoint.files.size() > 1) text += fmt::format(" in {}", counted(checkpoint.files.size(), "file"));
  if (model.architecture.name) add(text, *model.architecture.name);
  if (model.experts) add(text, "mixture of experts");
  if (!model.kind.empty()) {
    add(text, model.kind);
  } else {
    for (const Kind& kind : kKinds) {
      if (kind.kind == checkpoint.kind) add(text, kind.words);
    }
  }
  return text;
}

std::vector<SummaryLine> summary_lines(const Model& model, bool verbose) {
  std::vector<SummaryLine> facts{{"format", kind_of(model)}, {"parameters", parameters_text(model)}};
  if (model.experts) facts.push_back({"experts", experts_text(*model.experts)});
  if (verbose && model.experts && model.active_parameters && model.active_conventions) {
    facts.push_back({"active", conventions_text(model)});
  }
  if (model.prediction) facts.push_back({"prediction", prediction_text(*model.prediction)});
  facts.push_back({"weights", weights_text(model)});
  if (model.by_dtype.size() > 1 && !verbose) facts.push_back({"dtypes", dtypes_text(model)});
  if (model.by_role.size() > 1 && verbose) facts.push_back({"parts", parts_text(model, verbose)});
  if (std::string network = network_text(model.architecture); !network.empty()) {
    facts.push_back({"network", std::move(network)});
  }
  const auto add_fact = [&](std::string_view label, std::string text) {
    if (!text.empty()) facts.push_back({label, std::move(text)});
  };
  if (model.adapter) add_fact("adapter", adapter_text(*model.adapter));
  if (model.projector) add_fact("projector", projector_text(*model.projector));
  if (verbose) add_fact("with", origin_text(model.architecture));
  if (model.quantization) facts.push_back({"quantised", quantization_text(*model.quantization)});
  return facts;
}

std::string pipeline_kind_text(const PipelineReport& report) {
  if (report.kind == PipelineKind::Projector) return "language model with its projector";
  return fmt::format("diffusers pipeline of {}", counted(report.parts.size() + report.missing.size(), "model"));
}

std::string_view pipeline_kind_name(PipelineKind kind) {
  return kind == PipelineKind::Diffusers ? "diffusers" : "projector";
}

std::string_view on_host_name(PipelineKind kind) { return kind == PipelineKind::Diffusers ? "encoders" : "projector"; }

std::vector<SummaryLine> summary_lines(const PipelineReport& report) {
  std::vector<PipelineReport::Part> parts = report.parts;
  std::ranges::stable_sort(parts, std::greater(), &PipelineReport::Part::weight_bytes);
  std::string list;
  for (const PipelineReport::Part& part : parts) {
    add(list, fmt::format("{} {}", part.name, human_bytes(part.weight_bytes)));
  }
  return {{"parameters", report.parameters ? both(*report.parameters) : "unknown"},
          {"weights", fmt::format("{}: {}", size_and_bytes(report.weight_bytes), list)}};
}

std::vector<DeviceRow> device_rows(const PipelineReport& report) {
  std::vector<DeviceRow> rows;
  auto on_host = report.on_host.begin();
  for (const Fit& fit : report.at_once) {
    const std::string label = device_label(fit.device);
    rows.push_back({label + ", all at once", &fit});
    if (on_host == report.on_host.end() || device_label(on_host->device) != label) continue;
    rows.push_back({fmt::format("{}, {} on the host", label, on_host_name(report.kind)), &*on_host++});
  }
  return rows;
}

std::string missing_text(const PipelineReport& report) {
  if (report.missing.empty()) return {};
  return fmt::format("model_index.json lists {}, without weights in the folder; the sums are without {}",
                     fmt::join(report.missing, ", "), report.missing.size() == 1 ? "it" : "them");
}

FileSum file_sum(const Model& model) {
  FileSum sum;
  for (const ModelFile& file : model.checkpoint.files) {
    sum.file += file.file_bytes;
    sum.header += file.header_bytes;
    sum.tensors += file.tensor_bytes;
    sum.padding += file.padding_bytes;
    sum.missing += file.missing_bytes;
    sum.shared += file.shared_bytes;
  }
  return sum;
}

std::string file_sum_text(const Model& model, bool exact) {
  const FileSum sum = file_sum(model);
  std::string text =
      fmt::format("{} = header {} + tensors {} + padding {}", bytes_text(sum.file, exact),
                  bytes_text(sum.header, exact), bytes_text(sum.tensors, exact), bytes_text(sum.padding, exact));
  if (sum.missing > 0) text += fmt::format(" - missing {}", bytes_text(sum.missing, exact));
  if (sum.shared > 0) text += fmt::format(" - claimed twice {}", bytes_text(sum.shared, exact));
  return text;
}

std::string missing_text(const Model& model) {
  const std::uint64_t missing = file_sum(model).missing;
  if (missing == 0) return {};
  return fmt::format("{} of {} are missing; the figures are those of the whole model", human_bytes(missing),
                     human_bytes(model.weight_bytes));
}

std::vector<std::string> what_if(const Model& model) {
  std::vector<std::string> sizes;
  if (model.total_parameters == 0) return sizes;
  if (!model.checkpoint.files.empty()) sizes.push_back("as stored " + human_bytes(model.weight_bytes));
  if (!model.parameters_known) return sizes;
  for (const PlainType& type : kPlainTypes) {
    // An odd count of 4-bit weights ends in half a byte, which is stored as a whole one.
    const auto bits = checked_mul(model.total_parameters, type.bits);
    if (bits) sizes.push_back(fmt::format("{} {}", type.name, human_bytes(*bits / 8 + (*bits % 8 != 0 ? 1 : 0))));
  }
  return sizes;
}

std::string device_label(const Device& device) {
  return device.asked > 1 ? fmt::format("{}x {}", device.asked, device.id) : device.id;
}

std::string words_of(const Fit& fit, bool full) {
  if (full) return reason_text(fit);
  const std::string why = why_text(fit);
  const std::string distance = says_distance(fit) ? distance_text(fit) : "";
  return distance + (distance.empty() || why.empty() ? "" : "; ") + why;
}

std::string need_note(const ModelReport& report) {
  if (report.fits.empty()) return {};
  if (parts_missing(report.model.checkpoint)) return remark_text(Remark::PartsMissing, {});
  const Fit& first = report.fits.front();
  if (first.reason.kind == ReasonKind::NotTrained) return {};
  if (first.training) {
    const bool machines = report.common_devices && std::ranges::any_of(report.fits, [](const Fit& fit) {
                            return fit.training && fit.training->settings.devices > 1;
                          });
    return fmt::format("need: of a training step, by published rules: an estimate on the safe side{}",
                       machines ? "; machines of several devices share it (zero3)" : "");
  }
  const std::string remark = remark_text(first.remark, first.architecture);
  const std::string_view engine = first.engine ? engine_name(*first.engine) : "";
  if (first.context && !first.need.kv_cache) {
    return fmt::format("need: weights and overhead in {}; {}", engine,
                       remark.empty() ? "the cache of this type cannot be told" : remark);
  }
  if (first.context) {
    const auto& own = report.model.architecture.context_length;
    const std::uint64_t longest = first.serving ? first.serving->length : *first.context;
    const bool beyond = own && longest > *own && longest - *own >= kContextRounding;
    return fmt::format("need: weights, cache of {} tokens in {}, compute, overhead of {}{}{}", grouped(*first.context),
                       first.kv_type, engine,
                       beyond ? fmt::format("; the model was made for {} tokens", grouped(*own)) : "",
                       remark.empty() ? "" : "; " + remark);
  }
  return first.need.overhead
             ? "need: weights and the engine's overhead; no context is known for it"
             : "need: parameters x bytes per parameter; context and the engine's overhead are not counted";
}

std::string finding_text(const Finding& finding, const Model& model) {
  std::string text;
  const auto& files = model.checkpoint.files;
  const bool told = files.size() == 1 && files.front().name == finding.file;
  if (!finding.file.empty() && !told) text += finding.file + ": ";
  if (finding.offset) text += fmt::format("byte {:#x}: ", *finding.offset);
  return text + finding.message;
}

std::string failure_line(const Failure& failure) {
  const std::string path = escaped(failure.path);
  const std::string message = escaped(failure.message);
  if (failure.offset) return fmt::format("{}: byte {:#x}: {}", path, *failure.offset, message);
  return fmt::format("{}{}{}", path, message.starts_with("is ") ? " " : ": ", message);  // "page.gguf is an HTML page"
}

}  // namespace weigh::core
