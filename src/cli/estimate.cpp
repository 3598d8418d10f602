#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/cli/commands.h"
#include "src/cli/weighing.h"
#include "src/report/words.h"

namespace weigh {
namespace {

struct EstimateOptions {
  CommonOptions common;
  std::string parameters;
  std::string precision = "f16";
  std::vector<std::string> on;
};

/// A precision, all the ways to write it, and what one parameter takes (facts: budgets.md 10, claim 12).
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
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Precision& precision : kPrecisions) {
    for (const std::string_view name : precision.names) {
      if (!name.empty() && name == lower) return precision;
    }
  }
  throw UsageError(fmt::format("--precision {}: not known here; there are f32, f16, bf16, f8, int8 and int4", text));
}

int run_estimate(const EstimateOptions& options, Session& session) {
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
  const std::vector<Device> devices = resolve_devices(catalogue, options.on);
  Output output(options.common, session, {});
  Report report;
  Model model = imagine(*parameters, precision.dtype, precision.bits);
  model.checkpoint.name = fmt::format("{} parameters in {}", human_parameters(*parameters), precision.dtype);
  report.models.push_back(weigh_model(std::move(model), devices, catalogue));
  write_report(report, output);
  return exit_status(report);
}

}  // namespace

Command setup_estimate(CLI::App& parent) {
  auto options = std::make_shared<EstimateOptions>();
  CLI::App* app = add_command(parent, "estimate", "The rule of thumb, without a file: parameters x bytes per parameter",
                              "  weigh estimate --params 7B --precision int4 --on macbook-air-8gb\n"
                              "  weigh estimate --params 46.7B --precision f16 --on m2-ultra-192gb\n"
                              "  weigh estimate --params 350M");
  app->add_option("--params", options->parameters, "7B, 46.7B, 350M or an exact count")->required()->type_name("N");
  app->add_option("--precision", options->precision, "f32, f16 (default), bf16, f8, int8 or int4")->type_name("TYPE");
  add_device_option(*app, options->on);
  add_common_options(*app, options->common);
  return [options](Session& session) { return run_estimate(*options, session); };
}

}  // namespace weigh
