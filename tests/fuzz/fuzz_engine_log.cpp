// A log from anywhere, held against a model: what is kept of it is bounded, and every figure is a number.
#include <cmath>
#include <sstream>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/report/verification.h"
#include "src/verify/compare_llama_cpp.h"
#include "src/verify/compare_serving.h"
#include "src/verify/read_log.h"

using namespace weigh::core;

namespace {

/// A mixture of experts of two layers, small enough to be weighed for every input.
const Model& small_model() {
  static const Model kModel = [] {
    OpenResult opened = open_checkpoints(WEIGH_TESTDATA "/gguf/good/moe-merged.gguf");
    if (opened.checkpoints.empty()) __builtin_trap();
    return describe(std::move(opened.checkpoints.front()));
  }();
  return kModel;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  EngineLog log;
  try {
    std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
    log = read_engine_log(in, "fuzz");
  } catch (const Error&) {
    return 0;
  }
  if (log.models.size() > LogBuilder::kMostModels) __builtin_trap();
  Verification verification;
  verification.engine = log.engine.value_or(Engine::LlamaCpp);
  verification.version = log.version;
  constexpr std::size_t kMostCompared = 4;  // an input of many runs is no deeper than one of few
  for (const LogModel& model : log.models) {
    if (model.runs.size() > LogBuilder::kMostRuns) __builtin_trap();
    for (const LogRun& run : model.runs) {
      if (run.figures.size() > LogBuilder::kMostFigures) __builtin_trap();
      if (verification.runs.size() == kMostCompared) break;
      const Serving serving;
      verification.runs.push_back(log.engine == Engine::Vllm ? compare_serving(run, &serving)
                                                             : compare_llama_cpp(model, run, small_model(), Run{}));
    }
  }
  for (const VerifiedRun& run : verification.runs) {
    for (const VerifiedRow& row : run.rows) {
      if (row.error() && !std::isfinite(*row.error())) __builtin_trap();
    }
  }
  for (const std::string_view format : {"text", "json"}) {
    std::ostringstream out;
    write_verification(verification, format, Style{}, out);
    if (out.str().find('\x1b') != std::string::npos) __builtin_trap();
  }
  return 0;
}
