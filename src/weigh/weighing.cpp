#include "src/weigh/weighing.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "src/devices/units.h"
#include "src/report/summary.h"

namespace weigh::core {
namespace {

/// As one word of a shell's command line.
std::string shell_quoted(std::string_view text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./+:=@%,").find(c) != std::string_view::npos;
  };
  if (!text.empty() && text.front() != '-' && std::ranges::all_of(text, plain)) return std::string(text);
  std::string quoted = text.starts_with('-') ? "'./" : "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Whether nearly all of it is plain floating point, as a trainer writes it.
bool is_unquantized(const Model& model) {
  if (model.quantization || model.checkpoint.files.empty() || model.checkpoint.kind != CheckpointKind::Model)
    return false;
  std::uint64_t plain = 0;
  for (const DtypeTotals& row : model.by_dtype) {
    if (row.dtype == "F32" || row.dtype == "F16" || row.dtype == "BF16") plain += row.bytes;
  }
  return model.weight_bytes > 0 && plain > model.weight_bytes - model.weight_bytes / 100;
}

/// On each of the groups, or on the common_devices of common devices when there are none.
std::vector<Fit> weigh_groups(Candidate& subject, const Run& run, std::span<const DeviceSet> groups,
                              const Catalogue& catalogue) {
  if (groups.empty()) {
    return common_devices(catalogue,
                          [&](const Device& device) { return weigh_run(subject, run, device_set_of(device)); });
  }
  std::vector<Fit> fits;
  for (const DeviceSet& group : groups) fits.push_back(weigh_run(subject, run, group));
  return fits;
}

/// What an engine is given to load: the first file of a GGUF model, a checkpoint's folder, or `placeholder` for a GGUF
/// that is still to be made.
std::string path_to_load(const Model& model, Engine engine, const QuantizerType* type, std::string_view placeholder) {
  const Checkpoint& checkpoint = model.checkpoint;
  const bool gguf = checkpoint.files.front().format == Format::Gguf;
  if (engine == Engine::LlamaCpp && (!gguf || type != nullptr)) {
    return fmt::format("{}{}.gguf", placeholder, type == nullptr ? "" : "-" + std::string(type->name));
  }
  return gguf && !checkpoint.file_paths.empty() ? checkpoint.file_paths.front() : checkpoint.path;
}

/// " --mmproj FILE", " -md FILE": what else the engine is to load.
std::string companion_flags(const Candidate& subject, const Run& run) {
  std::string flags;
  for (const Companion& companion : subject.companions()) {
    const std::string path = path_to_load(*companion.model, subject.engine(), nullptr, "DRAFT");
    if (companion.role == CompanionRole::Projector) {
      flags += fmt::format(" --mmproj {}{}", shell_quoted(path), run.projector_on_host ? " --no-mmproj-offload" : "");
    } else if (subject.engine() == Engine::Vllm) {
      const nlohmann::json config{{"model", path}, {"num_speculative_tokens", 5}};
      flags += " --speculative-config " +
               shell_quoted(config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      flags += fmt::format(" {} {}", subject.engine() == Engine::Mlx ? "--draft-model" : "-md", shell_quoted(path));
    }
  }
  return flags;
}

/// "llama-server -m model.gguf -c 4096 ..."; empty for an engine that is no program.
std::string command_line(const Model& model, const Candidate& subject, const Run& run, const Fit& fit) {
  struct Program {
    Engine engine;
    std::string_view words;
  };
  constexpr std::array kPrograms{Program{Engine::LlamaCpp, "llama-server -m"}, Program{Engine::Vllm, "vllm serve"},
                                 Program{Engine::Mlx, "mlx_lm.server --model"}};
  const auto program = std::ranges::find(kPrograms, subject.engine(), &Program::engine);
  if (program == kPrograms.end() || subject.run_model() == nullptr) return {};
  // What does not fit has a command only where its placement says how.
  const bool placed = fit.placement && fit.placement->fits;
  if (fit.verdict == Verdict::No || (fit.verdict == Verdict::Over && !placed)) return {};
  const std::string path = path_to_load(model, subject.engine(), subject.type(), "MODEL");
  std::string line = fmt::format("{} {}{}", program->words, shell_quoted(path), companion_flags(subject, run));
  std::vector<std::string> flags = engine_flags(subject, run);
  if (fit.placement) flags.insert(flags.end(), fit.placement->flags.begin(), fit.placement->flags.end());
  for (const std::string& flag : flags) line += " " + flag;
  return line;
}

void add_details(Candidate& subject, const Run& run, const DeviceSet& group, const Catalogue& catalogue,
                 RunDetail detail, Fit& fit) {
  if (const auto largest = largest_context(subject, run, group)) {
    fit.max_context = largest->tokens;
    fit.max_context_is_models = largest->is_models;
  }
  fit.command = command_line(subject.source(), subject, run, fit);
  if (fit.verdict == Verdict::Fits || fit.verdict == Verdict::Tight) fit.speed = speed_bound(subject, run, group);
  if (detail == RunDetail::Advice && fit.verdict != Verdict::Fits) {
    fit.advice = advise(subject, run, group, catalogue);
  }
}

}  // namespace

ModelReport weigh_model(Model model, std::span<const DeviceSet> groups, const Catalogue& catalogue) {
  Need need;
  need.weights = model.weight_bytes;
  ModelReport report;
  report.common_devices = groups.empty() && model.weight_bytes > 0;
  if (report.common_devices) report.fits = common_devices(need, "", catalogue);
  for (const DeviceSet& group : groups) report.fits.push_back(judge(need, group.label, ""));
  report.model = std::move(model);
  return report;
}

std::vector<Fit> fits_of(const Model& model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, RunDetail detail) {
  const QuantizerType* type = options.as.empty() ? nullptr : find_quantizer_type(options.as);
  const Engine engine = engine_of(options, model);
  Candidate subject(model, engine, type, companions.for_engine(engine));
  const Run run = run_of(options, subject);
  if (groups.empty() && model.weight_bytes == 0) return {};
  std::vector<Fit> fits = weigh_groups(subject, run, groups, catalogue);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    add_placement(subject, run, groups[i], fits[i]);
    if (detail != RunDetail::Verdict) add_details(subject, run, groups[i], catalogue, detail, fits[i]);
    if (parts_missing(model.checkpoint)) {
      fits[i].remark = "parts are missing: the whole model needs more than this";
      fits[i].reason += "; " + fits[i].remark;
    }
  }
  return fits;
}

ModelReport weigh_run_of(Model model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, RunDetail detail) {
  ModelReport report;
  report.fits = fits_of(model, options, companions, groups, catalogue, detail);
  report.common_devices = groups.empty() && model.weight_bytes > 0;
  if (detail == RunDetail::Placement) report.what_next = quantized_sizes(model, options, companions, groups);
  report.model = std::move(model);
  return report;
}

ModelReport weigh_prediction(const Model& source, const QuantizedSize& prediction, std::span<const DeviceSet> groups,
                             const Catalogue& catalogue) {
  Model model;
  model.checkpoint.path = source.checkpoint.path;
  model.checkpoint.name = fmt::format("{} as {}", source.checkpoint.name, prediction.type);
  model.architecture = source.architecture;
  model.total_parameters = source.total_parameters;
  model.active_parameters = source.active_parameters;
  model.weight_bytes = prediction.tensor_bytes;
  model.padding_bytes = prediction.padding_bytes;
  model.by_dtype = prediction.by_dtype;
  model.quantization = Quantization{prediction.type, std::nullopt, std::nullopt};
  if (prediction.refusal) {
    model.findings.push_back({Severity::Warning, "quantiser-refuses", *prediction.refusal, {}, std::nullopt, {}});
  }
  for (const std::string& remark : prediction.remarks) {
    model.findings.push_back({Severity::Note, "prediction", remark, {}, std::nullopt, {}});
  }
  Candidate subject(source, Engine::LlamaCpp, find_quantizer_type(prediction.type));
  ModelReport report;
  report.fits = weigh_groups(subject, run_of(RunOptions(), subject), groups, catalogue);
  report.common_devices = groups.empty() && prediction.tensor_bytes > 0;
  report.model = std::move(model);
  report.predicted_file_bytes = prediction.file_bytes;
  return report;
}

std::string quantized_sizes(const Model& model, const RunOptions& options, const Companions& companions,
                            std::span<const DeviceSet> groups) {
  constexpr std::array<std::string_view, 4> kShown = {"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"};
  if (!is_unquantized(model)) return {};
  std::string text;
  if (groups.empty()) {
    const GgufPlan plan = plan_gguf(model);
    for (const std::string_view name : kShown) {
      const QuantizedSize prediction = predict(plan, *find_quantizer_type(name));
      text += fmt::format("{}{} {}", text.empty() ? "" : " | ", name, human_bytes(prediction.tensor_bytes));
    }
    return text;
  }
  const Candidate subject(model, Engine::LlamaCpp);
  RunOptions in_llama_cpp = options;
  if (!options.engine.empty() && options.engine != "llama.cpp") in_llama_cpp.kv_type = "f16";
  const Run run = run_of(in_llama_cpp, subject);
  for (const DeviceSet& group : groups) {
    const auto largest = largest_fitting_type(model, run, group, companions.for_engine(Engine::LlamaCpp));
    text += fmt::format("{}{} on {}", text.empty() ? "" : "; ",
                        largest ? fmt::format("{} ({}) is the largest that fits", largest->type->name,
                                              human_bytes(largest->weight_bytes))
                                : std::string("none fits"),
                        device_label(group.label));
  }
  return text;
}

}  // namespace weigh::core
