#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/devices/text.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/report/writers.h"
#include "src/weigh/device_sets.h"
#include "src/weigh/weighing.h"

namespace weigh::core {
namespace {

struct EstimateOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::string path;
  std::string as;
  std::string parameters;
  std::string precision = "f16";
  std::vector<std::string> on;
  std::string host;
};

/// A precision, all the ways to write it, and what one parameter takes (docs/memory-rules.md 11).
struct Precision {
  std::string_view dtype;
  std::uint64_t bits;
  std::array<std::string_view, 5> names;
};

constexpr std::array kPrecisions{
    Precision{"F32", 32, {"f32", "float32", "fp32", "32bit", "32-bit"}},
    Precision{"F16", 16, {"f16", "float16", "fp16", "16bit", "16-bit"}},
    Precision{"BF16", 16, {"bf16", "bfloat16"}},
    Precision{"F8", 8, {"f8", "float8", "fp8"}},
    Precision{"INT8", 8, {"int8", "i8", "8bit", "8-bit"}},
    Precision{"INT4", 4, {"int4", "i4", "4bit", "4-bit"}},
};

const Precision& find_precision(std::string_view text) {
  for (const Precision& precision : kPrecisions) {
    for (const std::string_view name : precision.names) {
      if (!name.empty() && same_letters(name, text)) return precision;
    }
  }
  throw UsageError(fmt::format("--precision {}: not known here; there are f32, f16, bf16, f8, int8 and int4", text));
}

std::vector<const QuantizerType*> types_asked_for(const std::string& as) {
  std::vector<const QuantizerType*> types;
  if (as == "all") {
    for (const QuantizerType& type : quantizer_types()) types.push_back(&type);
    return types;
  }
  const QuantizerType* type = find_quantizer_type(as);
  if (type == nullptr) {
    std::vector<std::string> names{"all"};
    for (const QuantizerType& row : quantizer_types()) names.emplace_back(row.name);
    throw UsageError(fmt::format("--as {}: no type that llama.cpp's quantiser makes; there are {}{}", as,
                                 fmt::join(names, ", "), did_you_mean(as, names)));
  }
  return {type};
}

/// What a model would be in other GGUF types.
int run_as(const EstimateOptions& options, Session& session) {
  const std::vector<const QuantizerType*> types = types_asked_for(options.as);
  const Catalogue catalogue = load_catalogue();
  const std::vector<DeviceSet> groups = resolve_groups(catalogue, options.on, options.host);
  Output output(options.common, session, {options.path});
  OneCheckpoint one = open_one(options.path, session);
  Report report;
  report.errors = std::move(one.failures);
  int status = report.errors.empty() ? 0 : 1;
  if (one.checkpoint) {
    Report source;
    source.models.emplace_back();
    source.models.back().model = describe(std::move(*one.checkpoint));
    status = std::max(status, exit_status(source));
    const Model& model = source.models.back().model;
    if (!model.parameters_known) {
      report.errors.push_back({model.checkpoint.path,
                               "how many weights it holds is not known, so neither is its size in another type",
                               std::nullopt});
      session.tell(failure_line(report.errors.back()));
      status = std::max(status, 1);
    }
    const GgufPlan plan = plan_gguf(model);
    for (const QuantizerType* type : types) {
      if (!model.parameters_known) break;
      report.models.push_back(weigh_prediction(model, predict(plan, *type), groups, catalogue));
      // The table of all types shows no devices that were not asked for.
      if (types.size() > 1 && groups.empty() && output.format() != "text") report.models.back().fits.clear();
    }
  }
  if (types.size() > 1 && output.format() == "text") {
    write_predictions(report, output.style(), output.stream());
    output.finish();
  } else {
    write_report(report, output);
  }
  return status;
}

int run_estimate(const EstimateOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  if (options.path.empty() != options.as.empty()) {
    throw UsageError(options.path.empty() ? "--as TYPE needs a model: weigh estimate PATH --as TYPE"
                                          : "a model needs --as TYPE: weigh estimate PATH --as Q4_K_M, or --as all");
  }
  if (!options.path.empty() && !options.parameters.empty())
    throw UsageError("--params is for an estimate without a file");
  if (!options.path.empty()) return run_as(options, session);
  if (options.parameters.empty())
    throw UsageError("say how many parameters (--params 7B), or name a model and --as TYPE");
  const auto parameters = parse_parameters(options.parameters);
  if (!parameters) {
    throw UsageError(
        fmt::format("--params {}: not a count of parameters; write 7B, 46.7B, 350M or 6738415616", options.parameters));
  }
  const Precision& precision = find_precision(options.precision);
  if (!checked_mul(*parameters, precision.bits)) {
    throw UsageError(fmt::format("--params {}: more than 64 bits can count", options.parameters));
  }
  const Catalogue catalogue = load_catalogue();
  const std::vector<DeviceSet> groups = resolve_groups(catalogue, options.on, options.host);
  Output output(options.common, session, {});
  Report report;
  Model model = hypothetical_model(*parameters, precision.dtype, precision.bits);
  model.checkpoint.name = fmt::format("{} parameters in {}", human_parameters(*parameters), precision.dtype);
  Weighing weighing = weigh_bytes(model.weight_bytes, groups, catalogue);
  report.models.push_back({std::move(model), std::move(weighing.fits), weighing.common_devices});
  write_report(report, output);
  return exit_status(report);
}

}  // namespace

Command setup_estimate(CLI::App& parent, const char* name) {
  auto options = std::make_shared<EstimateOptions>();
  OptionSet command =
      add_command(parent, name, "Without a file the rule of thumb; with one its size in another GGUF type",
                  "  weigh estimate --params 7B --precision int4 --on macbook-air-8gb\n"
                  "  weigh estimate --params 46.7B --precision f16 --on m2-ultra-192gb\n"
                  "  weigh estimate ./checkpoint-folder --as Q4_K_M\n"
                  "  weigh estimate ./checkpoint-folder --as all --on rtx-4090");
  command.add_argument("PATH", options->path, "A model, for --as");
  command.add_option("--as", options->as, "A GGUF type such as Q4_K_M, or all", "TYPE");
  command.add_option("--params", options->parameters, "7B, 46.7B, 350M or an exact count", "N");
  command.add_option("--precision", options->precision, "f32, f16 (default), bf16, f8, int8 or int4", "TYPE");
  add_device_option(command, options->on);
  add_host_option(command, options->host);
  add_common_options(command, options->common, kReportFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_estimate(*options, session); };
}

}  // namespace weigh::core
